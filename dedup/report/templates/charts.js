// Draws the figures, and draws them anew in the colours of the scheme.
"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const options = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
  const isDark = () => {
    const chosen = document.documentElement.dataset.scheme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const draw = () => Promise.all(Object.entries(figures).map(([name, schemes]) => {
    const figure = schemes[isDark() ? "dark" : "light"];
    return Plotly.react("chart-" + name, figure.data, figure.layout, options);
  }));
  document.addEventListener("scheme", draw);
  draw().then(() => { document.documentElement.dataset.charts = "drawn"; });
})();
