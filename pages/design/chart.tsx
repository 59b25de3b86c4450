// Charts of a number per day. The picture is for the eye; the same numbers are in a table for everybody else.

import { useId } from "preact/hooks";
import { number, t } from "../languages";

export interface Point {
  /** The day, as `YYYY-MM-DD`. */
  day: string;
  /** Null if it is not known. */
  value: number | null;
}

interface ChartProps {
  title: string;
  points: Point[];
  kind?: "bars" | "line";
  intent?: "danger";
  /** The link to what is counted. */
  href?: string;
  /** Formats a day. */
  format: (day: string) => string;
}

const [width, height] = [300, 100];

export function Chart({ title, points, kind = "bars", intent, href, format }: ChartProps) {
  const id = useId();
  const values = points.map(({ value }) => value ?? 0);
  const top = niceAbove(Math.max(...values, 1));
  const total = values.reduce((sum, value) => sum + value, 0);
  const latest = points.findLast(({ value }) => value !== null)?.value ?? null;
  const figure = kind === "bars" ? total : latest;
  const [first, last] = [points[0], points.at(-1)];
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption id={id} class="figure">
        <span>{href ? <a href={href}>{title}</a> : title}</span>
        <strong>{figure === null ? "–" : number(figure)}</strong>
      </figcaption>
      <div class="scale top" aria-hidden="true">
        {number(top)}
      </div>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {[0, 0.5, 1].map((share) => (
          <line key={share} class="grid" x1={0} x2={width} y1={share * height} y2={share * height} />
        ))}
        {kind === "bars" ? <Bars values={values} top={top} intent={intent} /> : <Line points={points} top={top} />}
      </svg>
      {first && last && (
        <div class="scale" aria-hidden="true">
          <span>{format(first.day)}</span>
          <span>{format(last.day)}</span>
        </div>
      )}
      <details>
        <summary>{t("chart.numbers")}</summary>
        <table class="table">
          <thead>
            <tr>
              <th>{t("chart.day")}</th>
              <th class="number">{title}</th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ day, value }) => (
              <tr key={day}>
                <td data-label={t("chart.day")}>{format(day)}</td>
                <td class="number" data-label={title}>
                  {value === null ? "–" : number(value)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

function Bars({ values, top, intent }: { values: number[]; top: number; intent: "danger" | undefined }) {
  const step = width / values.length;
  return (
    <>
      {values.map((value, index) => {
        const size = (value / top) * height;
        return (
          <rect
            key={index}
            class={intent === "danger" ? "bar danger" : "bar"}
            x={index * step + step * 0.15}
            y={height - size}
            width={step * 0.7}
            height={size}
          />
        );
      })}
    </>
  );
}

function Line({ points, top }: { points: Point[]; top: number }) {
  const step = width / Math.max(1, points.length - 1);
  const dots = points.flatMap(({ value }, index) =>
    value === null ? [] : [`${index * step},${height - (value / top) * height}`],
  );
  if (dots.length === 0) return null;
  const [from, to] = [dots[0]?.split(",")[0], dots.at(-1)?.split(",")[0]];
  return (
    <>
      <polygon class="area" points={`${from},${height} ${dots.join(" ")} ${to},${height}`} />
      <polyline class="line" points={dots.join(" ")} />
    </>
  );
}

/** Returns the next of 1, 2, 5, 10, 20, 50, … that is not below a value. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}
