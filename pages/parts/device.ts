// Names devices and places as the service reports them.

import { locale, t } from "../languages";

/** Where a session or an event came from. */
export interface Origin {
  browser: string | null;
  system: string | null;
  /** In two letters (ISO 3166-1). */
  country: string | null;
  city: string | null;
}

const countries = new Intl.DisplayNames(locale, { type: "region" });

/** Returns a name such as "Firefox on Linux", or nothing if the device is unknown. */
export function deviceOf({ browser, system }: Pick<Origin, "browser" | "system">): string | undefined {
  if (browser && system) return t("events.device", { browser, system });
  return browser ?? system ?? undefined;
}

/** Returns a name such as "Berlin, Germany", or nothing if the place is unknown. */
export function placeOf({ country, city }: Pick<Origin, "country" | "city">): string | undefined {
  const name = country ? countryName(country) : undefined;
  if (name && city) return t("events.place", { city, country: name });
  return name ?? city ?? undefined;
}

function countryName(code: string): string {
  try {
    return countries.of(code) ?? code;
  } catch {
    return code;
  }
}
