// The texts of the pages in the user's language.
//
// Each language has a folder with one catalogue per part of the pages. A page loads the catalogues that it needs, in one language. To add
// a language, add a folder and a row to `languages`.

import type { ComponentChildren } from "preact";
import type account from "./en/account.json";
import type activity from "./en/activity.json";
import type admin from "./en/admin.json";
import type common from "./en/common.json";
import type docs from "./en/docs.json";
import type signIn from "./en/sign-in.json";

type Texts = Record<string, string>;
type Catalogue = { default: Texts };

/** A part of the pages, which has a catalogue. */
export type Part = "common" | "sign-in" | "activity" | "account" | "admin" | "docs";

/** The languages, with their names for the people who speak them. */
export const languages = {
  en: { name: "English", direction: "ltr" },
  de: { name: "Deutsch", direction: "ltr" },
  ar: { name: "العربية", direction: "rtl" },
} as const;

export type Language = keyof typeof languages;

/** Written out, because the bundler makes one file per catalogue only for constant paths. */
const catalogues: Record<Language, Record<Part, () => Promise<Catalogue>>> = {
  en: {
    common: () => import("./en/common.json"),
    "sign-in": () => import("./en/sign-in.json"),
    activity: () => import("./en/activity.json"),
    account: () => import("./en/account.json"),
    admin: () => import("./en/admin.json"),
    docs: () => import("./en/docs.json"),
  },
  de: {
    common: () => import("./de/common.json"),
    "sign-in": () => import("./de/sign-in.json"),
    activity: () => import("./de/activity.json"),
    account: () => import("./de/account.json"),
    admin: () => import("./de/admin.json"),
    docs: () => import("./de/docs.json"),
  },
  ar: {
    common: () => import("./ar/common.json"),
    "sign-in": () => import("./ar/sign-in.json"),
    activity: () => import("./ar/activity.json"),
    account: () => import("./ar/account.json"),
    admin: () => import("./ar/admin.json"),
    docs: () => import("./ar/docs.json"),
  },
};

/** The keys of all catalogues. `users#one` and `users#other` are the plural forms of `users`. */
type Key = Extract<
  | keyof typeof common
  | keyof typeof signIn
  | keyof typeof activity
  | keyof typeof account
  | keyof typeof admin
  | keyof typeof docs,
  string
>;
type Base<Key extends string> = Key extends `${infer Name}#${string}` ? Name : Key;
export type TextKey = Base<Key>;

type Values = Record<string, string | number>;

const storageKey = "language";

/** The language of the page. */
export const language: Language = stored() ?? preferred() ?? "en";

/** The tag to format dates and numbers with: `en-GB` for a reader of English whose browser asks for it. */
export const locale = navigator.languages.find((tag) => base(tag) === language) ?? language;

let texts: Texts = {};
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);

/** Loads the texts of a page, and sets the language of the document. */
export async function loadTexts(parts: Part[]): Promise<void> {
  document.documentElement.lang = language;
  document.documentElement.dir = languages[language].direction;
  const loaded = await Promise.all(["common" as const, ...parts].map((part) => catalogues[language][part]()));
  texts = Object.assign({}, ...loaded.map((catalogue) => catalogue.default));
}

/** Keeps the language for the next visit of this browser, or forgets it. */
export function keepLanguage(chosen: Language): void {
  try {
    localStorage.setItem(storageKey, chosen);
  } catch {
    // Browsers that block storage ask for their own language again.
  }
}

/** Returns whether the user has chosen a language in this browser. */
export function hasChosenLanguage(): boolean {
  return stored() !== undefined;
}

/** Returns whether the pages have this language. */
export function isLanguage(text: string | null): text is Language {
  return text !== null && Object.hasOwn(languages, text);
}

function stored(): Language | undefined {
  try {
    const chosen = localStorage.getItem(storageKey);
    return isLanguage(chosen) ? chosen : undefined;
  } catch {
    return undefined;
  }
}

function preferred(): Language | undefined {
  return navigator.languages.map(base).find(isLanguage);
}

function base(tag: string): string {
  return tag.toLowerCase().split("-")[0] ?? "";
}

/** Returns the pattern of a text. `count` decides about its plural form. */
function pattern(key: TextKey, values: Record<string, unknown>): string {
  const { count } = values;
  const plural = typeof count === "number" ? texts[`${key}#${plurals.select(count)}`] : undefined;
  return plural ?? texts[key] ?? texts[`${key}#other`] ?? key;
}

/**
 * Returns a text with `{name}` replaced by the value of that name. Values do not change the direction of the text around them (Unicode
 * Standard Annex 9, section 2.7).
 */
export function t(key: TextKey, values: Values = {}): string {
  return pattern(key, values).replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (typeof value === "number") return numbers.format(value);
    return languages[language].direction === "rtl" ? `\u2068${value}\u2069` : value;
  });
}

/** Returns a text with elements or values in it. */
export function rich(key: TextKey, values: Record<string, ComponentChildren>): ComponentChildren[] {
  return pattern(key, values)
    .split(/\{(\w+)\}/)
    .map((piece, index) => {
      if (index % 2 === 0) return piece;
      const value = values[piece];
      return typeof value === "number" ? numbers.format(value) : value;
    });
}

/** Returns the text of a key that is built at run time, or nothing if there is none. */
export function textOf(key: string): string | undefined {
  return Object.hasOwn(texts, key) ? texts[key] : undefined;
}

/** Returns the texts whose keys begin with a prefix, by the rest of the key. */
export function textsOf(prefix: string): [key: string, text: string][] {
  return Object.entries(texts).flatMap(([key, text]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), text] as [string, string]] : [],
  );
}

/** Returns a list such as "a, b or c". */
export function listed(words: string[], type: "conjunction" | "disjunction" = "conjunction"): string {
  return new Intl.ListFormat(language, { type }).format(words);
}

/** Formats a number. */
export function number(value: number): string {
  return numbers.format(value);
}
