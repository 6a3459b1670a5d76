"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const charts = Array.from(document.querySelectorAll("svg.chart"));
  const crosses = charts.map((chart) => chart.querySelector(".cross"));
  let at = 0;

  const figures = (value) => {
    if (value === null) return "not enough data";
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : size >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
  };
  const say = (chart, value) =>
    chart.share && value !== null ? figures(value * 100) + " %" : figures(value) + (value === null ? "" : " " + chart.unit);

  const place = (x, y) => {
    tip.style.display = "block";
    const box = tip.getBoundingClientRect();
    const left = x + 16 + box.width > window.innerWidth ? x - box.width - 12 : x + 16;
    const top = Math.min(y + 14, window.innerHeight - box.height - 8);
    tip.style.left = Math.max(left, 4) + "px";
    tip.style.top = Math.max(top, 4) + "px";
  };
  const hide = () => {
    tip.style.display = "none";
    for (const cross of crosses) { cross.setAttribute("x1", -99); cross.setAttribute("x2", -99); }
  };

  const read = (index, x, y) => {
    at = Math.min(Math.max(index, 0), data.t.length - 1);
    const t = data.t[at];
    const wide = data.width - data.left - data.right;
    const px = data.left + Math.min((t + data.step / 2) / data.end, 1) * wide;
    for (const cross of crosses) { cross.setAttribute("x1", px); cross.setAttribute("x2", px); }
    const told = [figures(t) + " to " + figures(t + data.step) + " s"];
    for (const chart of data.charts) {
      const values = chart.curves.map((curve) => (chart.curves.length > 1 ? curve.label + " " : "") + say(chart, curve.values[at]));
      told.push(chart.title + ": " + values.join(", "));
    }
    tip.textContent = told.join("\n");
    place(x, y);
  };
  const nearest = (t) => {
    let low = 0, high = data.t.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (data.t[middle] <= t) low = middle; else high = middle - 1;
    }
    return low;
  };

  for (const chart of charts) {
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * data.width;
      const wide = data.width - data.left - data.right;
      read(nearest(((x - data.left) / wide) * data.end), event.clientX, event.clientY);
      event.stopPropagation();
    });
    chart.addEventListener("pointerleave", hide);
    chart.addEventListener("blur", hide);
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const box = chart.getBoundingClientRect();
      read(at + step, box.left + box.width / 2, box.top);
    });
  }

  const point = (event) => {
    const found = event.target.closest && event.target.closest("[data-tip]");
    if (!found) return;
    tip.textContent = found.getAttribute("data-tip");
    const box = found.getBoundingClientRect();
    place(event.clientX || box.left, event.clientY || box.bottom);
  };
  document.addEventListener("pointerover", point);
  document.addEventListener("focusin", point);
  document.addEventListener("pointerout", (event) => { if (event.target.closest && event.target.closest("[data-tip]")) hide(); });
  document.addEventListener("focusout", hide);
})();
