// The colour scheme: as the system has it, or as the reader wants it.
"use strict";
(() => {
  const button = document.getElementById("scheme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const names = ["system", "light", "dark"];
  const tell = () => document.dispatchEvent(new Event("scheme"));
  const choose = (name) => {
    if (name === "system") delete document.documentElement.dataset.scheme;
    else document.documentElement.dataset.scheme = name;
    button.textContent = "Colours: " + name;
    tell();
  };
  // What a browser stores for a file is its own affair; without it the choice lasts for the visit.
  const remembered = () => { try { return localStorage.getItem("dedup-scheme"); } catch { return null; } };
  const remember = (name) => { try { localStorage.setItem("dedup-scheme", name); } catch { /* as said */ } };
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.scheme || "system";
    const name = names[(names.indexOf(now) + 1) % names.length];
    remember(name);
    choose(name);
  });
  dark.addEventListener("change", tell);
  const name = remembered();
  if (names.includes(name)) choose(name);
})();
