"use strict";

// The map below is drawn from city.json, so it needs no server of tiles.
const STYLES = {
  water: { color: "#7fb2d6", fillColor: "#a9d0ea", fillOpacity: 1, weight: 1 },
  park: { color: "#a5c99a", fillColor: "#cde6c2", fillOpacity: 1, weight: 1 },
  building: { color: "#cfc5b2", fillColor: "#e0d8c8", fillOpacity: 1, weight: 1 },
  street: { color: "#ffffff", weight: 9, lineCap: "round" },
  path: { color: "#d8c9a8", weight: 3, dashArray: "4 6" },
};
const COLOURS = ["#d84315", "#1565c0", "#2e7d32", "#6a1b9a", "#00838f", "#ad1457"];

const map = L.map("map", { attributionControl: false, zoomSnap: 0.25 });
const shown = new Map();

function base(city) {
  const layer = L.geoJSON(city, {
    interactive: false,
    style: (feature) => STYLES[feature.properties.kind],
    onEachFeature(feature, drawn) {
      if (feature.properties.name) {
        drawn.bindTooltip(feature.properties.name, { permanent: true, direction: "center", className: "place" });
      }
    },
  }).addTo(map);
  map.fitBounds(layer.getBounds());
}

function device(name) {
  if (!shown.has(name)) {
    const colour = COLOURS[shown.size % COLOURS.length];
    const row = document.createElement("li");
    row.style.borderColor = colour;
    row.innerHTML = '<div class="name"></div><div class="speed"></div><small></small>';
    row.querySelector(".name").textContent = name;
    row.dataset.device = name;
    row.addEventListener("click", () => map.panTo(shown.get(name).dot.getLatLng()));
    document.getElementById("devices").append(row);
    const line = L.polyline([], { color: colour, weight: 4, opacity: 0.7, className: `track-${name}` }).addTo(map);
    const dot = L.circleMarker([0, 0], {
      radius: 9, color: "#fff", weight: 3, fillColor: colour, fillOpacity: 1, className: `device-${name}`,
    });
    dot.bindTooltip(name, { permanent: true, direction: "top", offset: [0, -8] });
    shown.set(name, { row, line, dot });
  }
  return shown.get(name);
}

function show(track) {
  const { row, line, dot } = device(track.device);
  line.setLatLngs(track.points);
  dot.setLatLng(track.points.at(-1)).addTo(map);
  row.querySelector(".speed").textContent = `${track.speed_kmh.toFixed(0)} km/h`;
  const seen = new Date(track.seen * 1000).toLocaleTimeString();
  row.querySelector("small").textContent = `${(track.distance_m / 1000).toFixed(2)} km, seen ${seen}`;
}

async function json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function refresh() {
  try {
    (await json("tracks")).forEach(show);
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale"); // the server is away; it is asked again
  }
  setTimeout(refresh, 1000);
}

json("static/city.json").then(base).then(refresh);
