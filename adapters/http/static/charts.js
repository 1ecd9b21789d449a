// Curves by uPlot. Data come as JSON in an attribute; a table with the same figures follows it.
"use strict";

// light-dark() is resolved by the browser only where a colour is used.
function paint(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function clock(seconds, step, zone) {
  const form = step < 60 ? { hour: "2-digit", minute: "2-digit", second: "2-digit" } : step < 86400 ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(document.documentElement.lang, { ...form, hourCycle: "h23", timeZone: zone }).format(seconds * 1000);
}

const short = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumFractionDigits: 1 });

// What is counted comes whole, and so do the steps of its axis.
const WHOLE = [...Array(13).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));

function draw(place, data, labels, zone, height) {
  const axis = { stroke: paint("--soft"), grid: { stroke: paint("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const options = {
    width: place.clientWidth, height, cursor: { y: false, points: { size: 7 } }, legend: { show: false }, padding: [10, 20, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    scales: { x: { range: (_, low, high) => (low === high ? [low - 1800, high + 1800] : [low, high]) }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.08)] } },
    axes: [{ ...axis, size: 30, space: (_, __, ___, ____, width) => (width < 400 ? 48 : 76), values: (_, ticks, __, ___, step) => ticks.map((tick) => clock(tick, step, zone)) }, { ...axis, size: 54, incrs: WHOLE, values: (_, ticks) => ticks.map((tick) => short.format(tick)) }],
    series: [
      {},
      { label: labels[0], stroke: paint("--all"), width: 1.5, dash: place.dataset.dash ? [5, 4] : undefined, points: { show: false } },
      { label: labels[1], stroke: paint("--ads"), width: 2, fill: paint("--tint"), points: { show: data[0].length < 3, size: 7 } },
    ],
  };
  return new uPlot(options, data, place);
}

for (const place of document.querySelectorAll("[data-chart]")) {
  const given = JSON.parse(place.dataset.chart);
  const height = 220;
  let data = given.data;
  let chart = draw(place, data, given.labels, given.zone, height);
  const again = () => { chart.destroy(); chart = draw(place, data, given.labels, given.zone, height); };
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.addEventListener("points", (event) => {
    const known = data[0].length ? data[0][data[0].length - 1] : 0;
    for (const [at, ...values] of event.detail) {
      if (at <= known) continue;
      data[0].push(at);
      values.forEach((value, index) => data[index + 1].push(value));
    }
    while (data[0].length > 300) data.forEach((column) => column.shift());
    chart.setData(data);
  });
}
