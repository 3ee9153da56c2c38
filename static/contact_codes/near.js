/* Sorts cities and stores by distance, on this phone: the place is sent nowhere. */
(function () {
  "use strict";
  const button = document.querySelector("[data-near]");
  const said = document.querySelector("[data-near-said]");
  if (!button || !navigator.geolocation) return;

  function metres(place, here) {
    const parts = place.split(",").map(Number);
    if (parts.length !== 2 || parts.some(Number.isNaN)) return Infinity;
    const rad = Math.PI / 180;
    const a = parts[0] * rad;
    const b = here.latitude * rad;
    const dLat = b - a;
    const dLon = (here.longitude - parts[1]) * rad;
    const h = Math.sin(dLat / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(dLon / 2) ** 2;
    return 2 * 6371000 * Math.asin(Math.sqrt(h));
  }

  function sorted(rows, here) {
    return rows
      .map((row) => ({ row, far: metres(row.dataset.place || "", here) }))
      .sort((one, other) => one.far - other.far);
  }

  function show(here) {
    const cities = sorted(Array.from(document.querySelectorAll("details[data-place]")), here);
    cities.forEach(({ row }, place) => {
      row.parentNode.append(row);
      row.open = place === 0;
      const list = row.querySelector("ul");
      sorted(Array.from(row.querySelectorAll("li")), here).forEach(({ row: one, far }) => {
        list.append(one);
        const words = far < 1000 ? Math.round(far / 50) * 50 + " m" : (far / 1000).toFixed(1) + " km";
        one.querySelector("[data-far]").textContent = far === Infinity ? "" : words;
      });
    });
    said.textContent = said.dataset.done;
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    said.textContent = said.dataset.wait;
    navigator.geolocation.getCurrentPosition(
      (answer) => show(answer.coords),
      () => { said.textContent = said.dataset.no; },
      { maximumAge: 300000, timeout: 10000 }
    );
  });
})();
