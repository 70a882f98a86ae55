// Live figures on a page without a kernel: every drawing is in the page, and a control picks one.
(() => {
  "use strict";

  const figures = [];

  // A drawing is shown as an image, where the page's CSS variables do not reach: write their values in.
  const resolve = (piece, style) =>
    piece.replace(/var\((--lb-[a-z]+), (#[0-9a-f]{6})\)/g, (_, name, light) => style.getPropertyValue(name).trim() || light);

  const start = (figure) => {
    const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const image = figure.querySelector("img");
    const say = figure.querySelector(".lb-say");
    const controls = figure.querySelector(".lb-controls");
    const rows = [...controls.children];
    const dots = [...figure.querySelectorAll(".lb-handle")];
    const at = data.dimensions.map((dimension) => dimension.at);
    let pieces = [];
    let shown = "";

    const frame = () => at.reduce((index, value, i) => index * data.dimensions[i].text.length + value, 0);

    const draw = () => {
      const index = frame();
      const source = "data:image/svg+xml," + encodeURIComponent(data.frames[index].map((i) => pieces[i]).join(""));
      if (source !== shown) image.src = shown = source;
      const words = data.words[data.says[index]];
      if (say.textContent !== words) say.textContent = words;
      rows.forEach((row, i) => {
        if (row.tagName === "FIELDSET") return;
        const input = row.querySelector("input");
        const text = data.dimensions[i].text[at[i]];
        input.value = at[i];
        input.setAttribute("aria-valuetext", text);
        row.querySelector("output").textContent = text;
      });
      dots.forEach((dot, i) => {
        for (const [axis, side] of [["x", "left"], ["y", "top"]]) {
          const direction = data.handles[i][axis];
          dot.style[side] = 100 * direction.at[direction.dimension === null ? 0 : at[direction.dimension]] + "%";
        }
      });
    };

    const restyle = () => {
      const style = getComputedStyle(document.documentElement);
      pieces = data.pieces.map((piece) => resolve(piece, style));
      draw();
    };

    rows.forEach((row, i) => {
      row.addEventListener("input", (event) => {
        at[i] = Number(event.target.value);
        draw();
      });
    });

    dots.forEach((dot, i) => {
      const canvas = dot.parentElement;
      const nearest = (positions, fraction) =>
        positions.reduce((best, p, k) => (Math.abs(p - fraction) < Math.abs(positions[best] - fraction) ? k : best), 0);
      const drag = (event) => {
        const box = canvas.getBoundingClientRect();
        const fraction = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
        for (const axis of ["x", "y"]) {
          const direction = data.handles[i][axis];
          if (direction.dimension !== null) at[direction.dimension] = nearest(direction.at, fraction[axis]);
        }
        draw();
      };
      dot.addEventListener("pointerdown", (event) => {
        dot.setPointerCapture(event.pointerId);
        dot.addEventListener("pointermove", drag);
        event.preventDefault();
      });
      for (const end of ["pointerup", "pointercancel"]) {
        dot.addEventListener(end, () => dot.removeEventListener("pointermove", drag));
      }
      dot.hidden = false;
    });

    controls.hidden = false;
    restyle();
    figures.push(restyle);
  };

  // The link to a question opens it.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  };

  // An equation that is wider than the page scrolls, and the keyboard must reach what scrolls.
  const reachable = () => {
    for (const equation of document.querySelectorAll(".katex-display")) {
      if (equation.scrollWidth > equation.clientWidth) equation.tabIndex = 0;
      else equation.removeAttribute("tabindex");
    }
  };

  const ready = () => {
    document.fonts.ready.then(reachable);
    addEventListener("resize", reachable);
    document.addEventListener("toggle", reachable, true); // a box that opens shows equations that had no width before
    for (const figure of document.querySelectorAll(".lb-explore")) {
      try {
        start(figure);
      } catch (error) {
        console.error("This live figure does not work; its first drawing stays:", figure.id, error);
      }
    }
    new MutationObserver(() => figures.forEach((restyle) => restyle())).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    open();
    addEventListener("hashchange", open);
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
