// The finder: what the reader asks for is in the address, and each loss says why it is kept or dropped.
(() => {
  "use strict";

  // Text in which `this` is code, as it is in the pages' source.
  const write = (place, text) => {
    text.split("`").forEach((piece, i) => {
      if (i % 2) place.appendChild(document.createElement("code")).textContent = piece;
      else place.append(piece);
    });
  };

  const start = (finder) => {
    const said = JSON.parse(finder.querySelector('script[type="application/json"]').textContent);
    const form = finder.querySelector("form");
    const inputs = [...form.querySelectorAll("fieldset input")];
    const facets = inputs.filter((input) => input.value);
    const sections = [...finder.querySelectorAll("section")];
    const items = [...finder.querySelectorAll("li[data-loss]")]; // in the order of the book
    const left = form.querySelector(".lb-left");
    const shared = form.querySelector(".lb-shared");

    const answer = (item, key) => {
      const words = said[item.dataset.loss][key] || "+";
      return { kept: words[0] === "+", words: words.slice(1) };
    };
    const name = (input) => input.parentElement.querySelector("span").firstChild.textContent.trim();
    const keeps = (item, asked) => asked.every((input) => answer(item, input.value).kept);

    // How many losses would be left, were this facet asked for as well.
    const count = (input, asked) => {
      const others = asked.filter((other) => other.type !== "radio" || other.name !== input.name);
      return items.filter((item) => keeps(item, [...others, input])).length;
    };

    const explain = (item, asked) => {
      const out = !keeps(item, asked);
      const lines = asked
        .map((input) => ({ label: name(input), ...answer(item, input.value) }))
        .filter((line) => (out ? !line.kept : line.words));
      item.classList.toggle("lb-out", out);
      item.querySelector(".lb-why")?.remove();
      if (!lines.length) return;
      const why = item.appendChild(document.createElement("p"));
      why.className = "lb-why";
      if (out) why.append("Dropped. ");
      lines.forEach((line, i) => {
        why.appendChild(document.createElement("b")).textContent = `${line.label}:`;
        write(why, ` ${line.words}${i + 1 < lines.length ? "; " : "."}`);
      });
    };

    const show = (unknown) => {
      const asked = facets.filter((input) => input.checked);
      items.forEach((item) => explain(item, asked));
      const empty = [];
      for (const section of sections) {
        const own = items.filter((item) => section.contains(item));
        const kept = own.filter((item) => keeps(item, asked));
        section.querySelector("ul").append(...kept, ...own.filter((item) => !kept.includes(item)));
        section.querySelector(".lb-count").textContent = asked.length ? `${kept.length} of ${own.length}` : `${own.length}`;
        if (!kept.length) empty.push(section);
      }
      finder.append(...sections.filter((section) => !empty.includes(section)), ...empty); // what is left comes first
      for (const input of facets) input.parentElement.querySelector("small").textContent = count(input, asked);
      const sentences = asked.map((input) => {
        const line = document.createElement("li");
        line.textContent = input.parentElement.title;
        return line;
      });
      form.querySelector(".lb-asked-for").replaceChildren(...sentences);
      shared.hidden = true;
      const total = items.filter((item) => keeps(item, asked)).length;
      const few = total ? "" : " Take an answer back: each loss says below what dropped it.";
      const odd = unknown.length ? ` The link also asks for what the finder does not know: ${unknown.join(", ")}.` : "";
      left.textContent = `${total} of ${items.length} losses ${total === 1 ? "is" : "are"} left.${few}${odd}`;
    };

    const address = () => {
      const keys = facets.filter((input) => input.checked).map((input) => input.value);
      return location.href.split(/[?#]/)[0] + (keys.length ? `?find=${keys.join(",")}` : "");
    };

    const read = () => {
      const keys = (new URLSearchParams(location.search).get("find") || "").split(",").filter(Boolean);
      for (const input of inputs) input.checked = !input.value || keys.includes(input.value); // "any" comes first, and yields
      show(keys.filter((key) => !facets.some((input) => input.value === key)));
    };

    const change = () => {
      history.pushState(null, "", address());
      show([]);
    };

    form.addEventListener("change", (event) => {
      if (inputs.includes(event.target)) change();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(change)); // once the form has been reset
    form.querySelector(".lb-copy").addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(address());
        left.textContent = "The link is copied.";
      } catch {
        // A browser may refuse: then the reader copies it.
        const field = shared.querySelector("input");
        field.value = address();
        shared.hidden = false;
        field.select();
      }
    });
    addEventListener("popstate", read);
    form.hidden = false;
    read();
  };

  document.querySelectorAll(".lb-finder").forEach(start);
})();
