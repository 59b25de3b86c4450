// What the pages know of the settings of the service.

import { call } from "./api";

export interface Config {
  service_name: string;
  /** `#` and six hexadecimal digits. */
  brand_color: string;
  /** Where the pages are, as mailed links name them; without a slash at its end. */
  app_url: string;
  password_min_length: number;
  user_token_lifetime_days: number;
}

export function loadConfig(): Promise<Config> {
  return call<Config>("GET", "config");
}
