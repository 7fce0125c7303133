// Draws the charts of a page when they come into view, in the colours of the theme, distinguishable without colour.
import { load } from "./app.js";

const own = document.querySelector("script[data-charts]").dataset;
const COMMON = new Set(["line", "bar", "pie", "scatter"]);
const figures = [];
const optionOf = (figure) => JSON.parse(figure.querySelector("script").textContent);
const special = (option) => [option.series].flat().some((series) => series && !COMMON.has(series.type));
const colours = ["#2f6fdf", "#12a594", "#f08c2e", "#8e5bd0", "#3aa757", "#d6446e", "#8b95a5"];

// Bars beside each other and slices need a pattern; lines have their own dashes and marks.
function patterned(option) {
  const filled = [option.series].flat().filter((series) => series && series.type !== "line");
  return filled.length > 1 || filled[0]?.type === "pie";
}

function compact(value) {
  return new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

function dressed(option) {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line, surface] = ["--ink", "--ink-2", "--line", "--surface"].map((name) => style.getPropertyValue(name).trim());
  const axis = (given) => [given].flat().filter(Boolean).map((one) => ({
    axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, splitLine: { lineStyle: { color: line } }, ...one,
    axisLabel: { color: soft, ...(one.type === "value" ? { formatter: compact } : {}), ...one.axisLabel },
    nameTextStyle: { color: soft },
  }));
  const made = {
    color: colours, animationDuration: 300, textStyle: { fontFamily: "inherit", color: ink },
    tooltip: { trigger: option.xAxis ? "axis" : "item" },
    aria: { enabled: true, decal: { show: patterned(option) } }, ...option,
    grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true, ...option.grid },
  };
  const funnel = { left: "6%", right: "6%", top: 12, bottom: 12, itemStyle: { borderColor: surface } };
  made.series = [option.series].flat().map((series) => (series?.type === "funnel" ? { ...funnel, ...series } : series));
  if (option.legend) made.legend = { textStyle: { color: soft }, top: 0, right: 0, itemWidth: 18, itemHeight: 10, ...option.legend };
  if (option.xAxis) made.xAxis = axis(option.xAxis);
  if (option.yAxis) made.yAxis = axis(option.yAxis);
  return made;
}

async function draw(figure) {
  const option = optionOf(figure);
  await load(figures.some((other) => special(optionOf(other))) ? own.allCharts : own.charts);
  const place = figure.querySelector(".chart-canvas");
  window.echarts.getInstanceByDom(place)?.dispose();
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  chart.setOption(dressed(option));
  chart.on("click", ({ data }) => { if (data?.url?.startsWith("/")) location.assign(data.url); });
  figure.chart = chart;
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { seen.unobserve(target); draw(target); }
}, { rootMargin: "200px" });
const sized = new ResizeObserver((entries) => entries.forEach(({ target }) => target.parentElement.chart?.resize()));
function watch(part) {
  for (const figure of part.querySelectorAll("[data-chart]")) {
    if (figures.includes(figure)) continue;
    figures.push(figure);
    seen.observe(figure);
    sized.observe(figure.querySelector(".chart-canvas"));
  }
}
watch(document);
document.addEventListener("htmx:afterSettle", () => watch(document)); // charts that came later
document.addEventListener("theme", () => figures.filter((figure) => figure.chart).forEach(draw));
