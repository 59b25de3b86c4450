// Adjusts the brand color until it is readable: text in it and on it has the contrast that WCAG 2.2 requires (1.4.3: 4.5 to 1
// for text; 1.4.11: 3 to 1 for controls).

type Color = [red: number, green: number, blue: number];

const white: Color = [255, 255, 255];
const black: Color = [0, 0, 0];

/** The card background of each scheme, same as in tokens.css. */
const cards = { light: white, dark: [0x19, 0x1d, 0x25] as Color };

/** Sets the brand's custom properties, which tokens.css uses. The page's security policy allows scripts to do so. */
export function paint(brandColor: string): void {
  const brand = parse(brandColor);
  for (const [scheme, card] of Object.entries(cards)) {
    const isLight = scheme === "light";
    const away = isLight ? black : white;
    const button = readable(brand, card, away, 3);
    const onButton = contrast(button, white) >= 4.6 ? white : black;
    const values = {
      // Thin bright letters on a dark background look fainter than their contrast ratio suggests.
      link: readable(brand, card, away, isLight ? 4.6 : 7),
      button,
      "button-hover": mix(button, onButton === white ? black : white, 0.12),
      "on-button": onButton,
    };
    for (const [name, color] of Object.entries(values)) {
      document.documentElement.style.setProperty(`--brand-${scheme}-${name}`, `rgb(${color.join(" ")})`);
    }
  }
}

function parse(hexadecimal: string): Color {
  const number = Number.parseInt(hexadecimal.slice(1), 16);
  return [number >> 16, (number >> 8) & 0xff, number & 0xff];
}

/** Returns the color, mixed with just enough of `away` to reach this contrast to `background`. */
function readable(color: Color, background: Color, away: Color, ratio: number): Color {
  for (let share = 0; share < 1; share += 0.02) {
    const mixed = mix(color, away, share);
    if (contrast(mixed, background) >= ratio) return mixed;
  }
  return away;
}

function mix(one: Color, other: Color, share: number): Color {
  return one.map((channel, index) => Math.round(channel + ((other[index] ?? 0) - channel) * share)) as Color;
}

/** Returns the WCAG 2.2 contrast ratio, from 1 to 21. */
function contrast(one: Color, other: Color): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** Returns the WCAG 2.2 relative luminance, from 0 to 1. */
function luminance(color: Color): number {
  const [red, green, blue] = color.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Color;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
