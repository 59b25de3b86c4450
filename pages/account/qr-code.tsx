// Draws a QR code as SVG.

import { useEffect, useState } from "preact/hooks";

/** The white margin that scanners need, in modules (ISO/IEC 18004). */
const margin = 4;

interface Drawing {
  /** The width and height in modules. */
  size: number;
  /** The dark modules, as the data of a path. */
  path: string;
}

async function draw(text: string): Promise<Drawing> {
  // Loaded when needed: most visits never see a QR code.
  const { generate } = await import("lean-qr");
  const code = generate(text);
  const axis = Array.from({ length: code.size }, (_, index) => index);
  const path = axis.flatMap((y) => axis.filter((x) => code.get(x, y)).map((x) => `M${x} ${y}h1v1h-1z`)).join("");
  return { size: code.size, path };
}

/** Shows nothing if the code cannot be drawn, so the text of the code must be on the page too. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const [drawing, setDrawing] = useState<Drawing>();
  useEffect(() => {
    draw(text).then(setDrawing, () => setDrawing(undefined));
  }, [text]);
  if (!drawing) return null;
  const { size, path } = drawing;
  const width = size + 2 * margin;
  return (
    <svg class="qr-code" role="img" aria-label={label} viewBox={`${-margin} ${-margin} ${width} ${width}`}>
      <rect x={-margin} y={-margin} width={width} height={width} fill="#fff" />
      <path d={path} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}
