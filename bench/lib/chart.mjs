// Draws the chart of docs/performance.md: an SVG for light and dark pages, without dependencies.

const [width, panelHeight, left, barHeight, gap] = [720, 92, 150, 26, 8];
const room = width - left - 150;

const style = `
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .ours { fill: #0969da }
  .theirs { fill: #9aa4af }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .ours { fill: #4493f8 }
    .theirs { fill: #656c76 }
  }`;

/** Draws bars for each flow that both have, at the highest number of connections. Each flow has its own scale. */
export function chart(lines) {
  const both = lines.filter(({ toBetterAuth }) => toBetterAuth);
  const most = Math.max(...both.map(({ connections }) => connections ?? 0));
  const shown = both.filter(({ connections }) => connections === undefined || connections === most);
  const panels = shown.map((line, at) => panel(line, at * panelHeight));
  const height = shown.length * panelHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>Postern and Better Auth on the same runtime</title>
<style>${style}
</style>
${panels.join("\n")}
</svg>
`;
}

function panel({ what, unit, postern, betterAuth, toBetterAuth }, top) {
  const most = Math.max(postern, betterAuth);
  const better = unit === "/s" ? "more is better" : "less is better";
  const bar = (row, kind, name, value, remark) => {
    const y = top + 24 + row * (barHeight + gap - 2);
    const length = Math.max(1, (value / most) * room);
    const label = `${value >= 100 ? value.toFixed(0) : value.toFixed(1)}${unit}${remark}`;
    return `<text x="${left - 10}" y="${y + 18}" text-anchor="end">${name}</text>
<rect class="${kind}" x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="3"/>
<text x="${(left + length + 8).toFixed(1)}" y="${y + 18}">${label}</text>`;
  };
  return `<text class="title" x="${left}" y="${top + 16}">${what} (${better})</text>
${bar(0, "ours", "Postern", postern, `, ${toBetterAuth.value.toFixed(1)} ×`)}
${bar(1, "theirs", "Better Auth", betterAuth, "")}`;
}
