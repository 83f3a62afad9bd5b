// The memory as a graph: a unit is a place, coloured by the affect that it stands for; the one that
// matches best now is ringed.
import { affectColour, sharp, signed, still, token } from "./colour.js";

export function graph(canvas, text, none, now) {
  let target = { units: 0, nodes: [], edges: [] }, shown = [], moving = 0, best = null;

  const paint = sharp(canvas, (c, width, height) => {
    const half = Math.min(width, height) / 2 - 24;
    const at = (one) => [width / 2 + one.x * half, height / 2 - one.y * half];
    c.strokeStyle = token("--line"); c.globalAlpha = 0.45; c.lineWidth = 1;
    for (const [from, to] of target.edges) {
      if (!shown[from] || !shown[to]) continue;
      c.beginPath(); c.moveTo(...at(shown[from])); c.lineTo(...at(shown[to])); c.stroke();
    }
    c.globalAlpha = 1; c.lineWidth = 1.5; c.strokeStyle = token("--paper");
    for (const one of shown) {
      c.beginPath(); c.arc(...at(one), Math.max(0.1, one.size), 0, 7);
      c.fillStyle = affectColour(one.arousal, one.valence); c.fill(); c.stroke();
    }
    const ringed = shown.find((one) => one.unit === best);
    if (ringed) sights(c, ...at(ringed), ringed.size + 5);
  });

  const size = (one) => Math.min(11, 4 + 1.1 * Math.log2(1 + one.wins));
  function step() {
    let far = 0;
    shown = target.nodes.map((one, i) => {
      const was = shown[i] ?? { x: one.x, y: one.y, size: 0 }, ease = still.matches ? 1 : 0.18;
      const now = { ...one };
      for (const key of ["x", "y", "size"]) {
        const goal = key === "size" ? size(one) : one[key];
        now[key] = was[key] + (goal - was[key]) * ease;
        far = Math.max(far, Math.abs(goal - now[key]) / (key === "size" ? 10 : 1));
      }
      return now;
    });
    paint();
    moving = far > 0.004 ? requestAnimationFrame(step) : 0;
  }

  const words = text.textContent;
  return {
    show(memory) {
      target = memory;
      now.textContent = matching(target, best);
      none.hidden = memory.nodes.length > 0;
      text.textContent = memory.nodes.length ? told(memory) : words;
      if (!moving) step();
    },
    // The unit that matches best now, null for none, of a memory that has so many.
    mark(unit, units) {
      const drawn = units >= target.units; // else some were removed since, and the others renumbered
      const next = drawn && target.nodes.some((one) => one.unit === unit) ? unit : null;
      if (next === best) return;
      best = next;
      now.textContent = matching(target, best);
      if (!moving) paint();
    },
    clear() { this.mark(null, 0); this.show({ units: 0, nodes: [], edges: [] }); },
  };
}

function sights(c, x, y, radius) { // a ring with four strokes, on a ground of its own
  for (const [colour, width] of [[token("--paper"), 6], [token("--ink"), 2.5]]) {
    c.strokeStyle = colour; c.lineWidth = width;
    c.beginPath(); c.arc(x, y, radius, 0, 7); c.stroke();
    for (const [right, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      c.beginPath(); c.moveTo(x + right * radius, y + down * radius);
      c.lineTo(x + right * (radius + 7), y + down * (radius + 7)); c.stroke();
    }
  }
}

function matching({ units, nodes }, best) {
  const one = nodes.find((node) => node.unit === best);
  if (!one) return "";
  const stands = one.arousal === null ? "it stands for no affect yet"
    : `it stands for arousal ${signed(one.arousal)}, valence ${signed(one.valence)}`;
  return `Ringed: unit ${best + 1} of ${units}, which matches your face best now; ${stands}.`;
}

function told({ units, nodes, edges }) {
  const known = nodes.filter((one) => one.arousal !== null);
  const share = (test) => `${Math.round((100 * known.filter(test).length) / Math.max(1, known.length))} %`;
  const some = nodes.length < units ? `, the ${nodes.length} that matched most often are drawn` : "";
  return `${units} units${some}; ${edges.length} connections. ${share((one) => one.valence > 0)} stand for pleasant, `
    + `${share((one) => one.arousal > 0)} for aroused. The larger, the more often it matched.`;
}
