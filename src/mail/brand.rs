//! The brand color in mails. It is adjusted until text is readable, by the same rule as on the pages (`pages/design/brand.ts`): the
//! contrast that WCAG 2.2 requires (1.4.3: 4.5 to 1 for text; 1.4.11: 3 to 1 for controls).

use std::fmt;

/// A color in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

const WHITE: Color = Color([255; 3]);
const BLACK: Color = Color([0; 3]);
/// The background of a mail's card in the dark scheme, same as in `templates/layout.html`.
const DARK_CARD: Color = Color([0x1e; 3]);

/// Formats the color as CSS. Six hexadecimal digits could look like a one-time code.
impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Color([red, green, blue]) = self;
        write!(formatter, "rgb({red},{green},{blue})")
    }
}

/// The colors of one color scheme.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    /// Links.
    pub link: Color,
    /// The background of buttons.
    pub button: Color,
    /// The text on buttons.
    pub on_button: Color,
}

impl Scheme {
    /// Returns the colors of the light scheme.
    pub fn light(brand_color: &str) -> Scheme {
        Scheme::new(brand_color, WHITE, BLACK, 4.6)
    }

    /// Returns the colors of the dark scheme.
    pub fn dark(brand_color: &str) -> Scheme {
        // Thin bright letters on a dark background look fainter than their contrast ratio suggests.
        Scheme::new(brand_color, DARK_CARD, WHITE, 7.0)
    }

    fn new(brand_color: &str, card: Color, away: Color, text: f32) -> Scheme {
        let brand = parse(brand_color);
        let button = readable(brand, card, away, 3.0);
        let on_button = if contrast(button, WHITE) >= 4.6 { WHITE } else { BLACK };
        Scheme { link: readable(brand, card, away, text), button, on_button }
    }
}

/// Reads `#` and six hexadecimal digits. The settings accept nothing else.
fn parse(text: &str) -> Color {
    let number = u32::from_str_radix(text.trim_start_matches('#'), 16).unwrap_or_default();
    let [_, rest @ ..] = number.to_be_bytes();
    Color(rest)
}

/// Returns the color, mixed with just enough of `away` to reach this contrast to `background`.
fn readable(color: Color, background: Color, away: Color, ratio: f32) -> Color {
    (0..50u8)
        .map(|step| mix(color, away, f32::from(step) * 0.02))
        .find(|mixed| contrast(*mixed, background) >= ratio)
        .unwrap_or(away)
}

fn mix(Color([r, g, b]): Color, Color([red, green, blue]): Color, share: f32) -> Color {
    let channel = |from: u8, to: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * share).round() as u8;
    Color([channel(r, red), channel(g, green), channel(b, blue)])
}

/// Returns the WCAG 2.2 contrast ratio, from 1 to 21.
fn contrast(one: Color, other: Color) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Returns the WCAG 2.2 relative luminance, from 0 to 1.
fn luminance(Color(channels): Color) -> f32 {
    let [red, green, blue] = channels.map(|channel| {
        let share = f32::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_brand_color_is_readable_in_both_schemes() {
        for brand in ["#0f6e75", "#ffffff", "#000000", "#ffee00", "#ff0000", "#1e1e1e", "#777777", "#0000ff"] {
            for (scheme, card) in [(Scheme::light(brand), WHITE), (Scheme::dark(brand), DARK_CARD)] {
                assert!(contrast(scheme.link, card) >= 4.5, "{brand}: {scheme:?}");
                assert!(contrast(scheme.button, card) >= 3.0, "{brand}: {scheme:?}");
                assert!(contrast(scheme.on_button, scheme.button) >= 4.5, "{brand}: {scheme:?}");
            }
        }
    }

    #[test]
    fn a_readable_brand_color_stays_as_it_is() {
        let Scheme { link, button, on_button } = Scheme::light("#0f6e75");
        assert_eq!(
            [link, button, on_button].map(|color| color.to_string()),
            ["rgb(15,110,117)", "rgb(15,110,117)", "rgb(255,255,255)",]
        );
    }

    #[test]
    fn the_contrast_is_that_of_wcag() {
        assert!((contrast(WHITE, BLACK) - 21.0).abs() < 0.001);
        // A published example: #767676 is the lightest gray that passes on white.
        assert!((contrast(Color([0x76; 3]), WHITE) - 4.54).abs() < 0.01);
    }
}
