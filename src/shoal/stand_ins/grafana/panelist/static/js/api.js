// Requests to the server.

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message || `the server answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

const RETRIES = 3;
const pause = (time) => new Promise((done) => setTimeout(done, time));

/** As fetch; what changes nothing is asked again where the connection breaks (a change of the machine's networks). */
async function patientFetch(path, options, changesNothing) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetch(path, options);
    } catch (error) {
      if (options.signal?.aborted || !changesNothing || attempt > RETRIES) throw error;
      await pause(150 * attempt);
    }
  }
}

/** The decoded answer. Throws ApiError; who is logged out is sent to the login page. */
export async function api(method, path, body, options = {}) {
  const request = {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: options.signal,
  };
  const response = await patientFetch(path, request, method === "GET" || path === "/api/ds/query");
  const text = await response.text();
  let decoded = null;
  try {
    decoded = text ? JSON.parse(text) : null;
  } catch {
    decoded = { message: text.slice(0, 200) };
  }
  if (response.ok || (options.acceptErrors && decoded?.results)) return decoded;
  if (response.status === 401 && !options.stay) {
    location.assign(`/login?redirect=${encodeURIComponent(location.pathname + location.search)}`);
  }
  throw new ApiError(response.status, decoded);
}

export const get = (path, options) => api("GET", path, undefined, options);

/** The results by refId of queries, also where some failed. */
export async function runQueries(queries, range, signal) {
  const body = { queries, from: String(range.from), to: String(range.to) };
  return (await api("POST", "/api/ds/query", body, { signal, acceptErrors: true })).results;
}

/** What a data source's own API answers: Prometheus' `data`. */
export async function resource(uid, path, parameters) {
  const query = new URLSearchParams(parameters);
  const answer = await get(`/api/datasources/uid/${encodeURIComponent(uid)}/resources/${path}?${query}`, { stay: true });
  if (answer?.status !== "success") throw new ApiError(400, { message: answer?.error });
  return answer.data;
}
