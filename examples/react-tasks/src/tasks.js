// What the app knows: the tasks and which of them are shown. Kept in the browser's local storage.
import { configureStore, createSelector, createSlice, nanoid } from '@reduxjs/toolkit';

const KEY = 'tasks';

const tasks = createSlice({
  name: 'tasks',
  initialState: [],
  reducers: {
    added: {
      prepare: (title) => ({ payload: { id: nanoid(), title, isDone: false } }),
      reducer: (state, { payload }) => {
        state.push(payload);
      },
    },
    toggled: (state, { payload }) => {
      const task = state.find(({ id }) => id === payload);
      if (task) task.isDone = !task.isDone;
    },
    deleted: (state, { payload }) => state.filter(({ id }) => id !== payload),
    cleared: (state) => state.filter(({ isDone }) => !isDone),
  },
});

const filter = createSlice({
  name: 'filter',
  initialState: 'all',
  reducers: { chosen: (_, { payload }) => payload },
});

export const { added, toggled, deleted, cleared } = tasks.actions;
export const { chosen } = filter.actions;

export const FILTERS = {
  all: () => true,
  open: ({ isDone }) => !isDone,
  done: ({ isDone }) => isDone,
};

export const shown = createSelector(
  [(state) => state.tasks, (state) => state.filter],
  (all, name) => all.filter(FILTERS[name]),
);
export const countOpen = (state) => state.tasks.filter(FILTERS.open).length;

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(found) ? { tasks: found } : undefined;
  } catch {
    return undefined; // not ours, or no storage: begin anew
  }
}

export function makeStore() {
  const store = configureStore({
    reducer: { tasks: tasks.reducer, filter: filter.reducer },
    preloadedState: kept(),
  });
  let last = store.getState().tasks;
  store.subscribe(() => {
    const now = store.getState().tasks;
    if (now === last) return;
    last = now;
    localStorage.setItem(KEY, JSON.stringify(now));
  });
  return store;
}
