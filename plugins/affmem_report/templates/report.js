"use strict";
(async () => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  root.classList.add("live");

  async function unpack(id) {
    const bytes = Uint8Array.from(atob($(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }
  const said = new Map();
  async function load(id) {
    if (!said.has(id)) said.set(id, await unpack(id));
    return said.get(id);
  }

  // Colours by role: "var(--pk)" becomes what the style sheet gives it now, light or dark.
  const role = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const themed = (text) =>
    JSON.parse(text, (key, value) => {
      const found = /color$/i.test(key) && /^var\((--[a-z]+)\)$/.exec(value);
      return found ? role(found[1]) : value;
    });

  const config = { displaylogo: false, responsive: true,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const touch = matchMedia("(pointer: coarse)").matches;
  function draw(div, chart) {
    const layout = chart.layout;
    const print = root.classList.contains("print");
    if (print) layout.width = Math.min(div.clientWidth, div.closest(".pair") ? 320 : 680);
    const narrow = !print && div.clientWidth < 560;
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { family: getComputedStyle(document.body).fontFamily,
      size: narrow ? 12 : 13, color: role("--ink") };
    layout.hoverlabel = { bgcolor: role("--paper"), bordercolor: role("--line"),
      font: { color: role("--ink"), size: 13 }, align: "left" };
    if (touch) layout.dragmode = false;
    for (const [name, axis] of Object.entries(layout)) {
      if (!/^[xy]axis/.test(name)) continue;
      Object.assign(axis, { gridcolor: role("--grid"), linecolor: role("--line") },
        axis.zerolinecolor ? {} : { zerolinecolor: role("--line") });
      axis.automargin = false;
    }
    if (narrow && div.dataset.stack !== undefined) {  // two charts side by side: one above the other
      layout.height = 2 * layout.height;
      layout.xaxis.domain = layout.xaxis2.domain = [0, 1];
      layout.yaxis.domain = [0.57, 1];
      layout.yaxis2.domain = [0, 0.43];
    }
    return Plotly.react(div, chart.data, layout,
      { ...config, displayModeBar: div.dataset.bar === undefined ? false : undefined });
  }

  let person = 0;
  const picker = $("person");
  async function drawPerson() {
    const id = "timeline-" + person;
    if ($(id)) draw($("timeline"), themed(await load(id)));
    $("timeline").hidden = !$(id);
    if ($("scatter-data")) {
      const { chart, points } = themed(await load("scatter-data"));
      for (const trace of chart.data)
        if (trace.mode === "markers") trace.selectedpoints = points[person];
      draw($("scatter"), chart);
    }
  }
  function pick(n) {
    person = n;
    if (picker) picker.value = String(n);
    for (const block of document.querySelectorAll("[data-person]"))
      block.hidden = block.dataset.person !== String(n);
    for (const [id, end] of [["previous", 0], ["next", picker ? picker.length - 1 : 0]])
      if ($(id)) $(id).disabled = n === end;
    return drawPerson();
  }
  async function drawAll() {
    for (const div of document.querySelectorAll("[data-chart]"))
      draw(div, themed(await load(div.dataset.chart)));
    if (picker) await drawPerson();
  }

  const script = document.createElement("script");
  script.textContent = await unpack("plotly");
  document.head.append(script);
  if (picker) {
    picker.addEventListener("change", () => pick(Number(picker.value)));
    $("previous").addEventListener("click", () => pick(person - 1));
    $("next").addEventListener("click", () => pick(person + 1));
    for (const link of document.querySelectorAll("[data-pick]"))
      link.addEventListener("click", () => pick(Number(link.dataset.pick)));
    pick(0);
  }
  await drawAll();

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  matchMedia("(max-width: 640px)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { root.classList.add("print"); drawAll(); });
  addEventListener("afterprint", () => { root.classList.remove("print"); drawAll(); });
})().catch((error) => {
  document.documentElement.classList.remove("live");
  document.getElementById("trouble").hidden = false;
  console.error(error);
});
