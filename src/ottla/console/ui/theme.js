// Before the first paint: the theme that was chosen, so that nothing flashes. Everything else about themes is core/theme.js.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("ottla.theme");
  } catch (_) {
    // Storage may be forbidden; the system's preference is used then.
  }
  var dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
