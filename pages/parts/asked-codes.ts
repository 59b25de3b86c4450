// The email codes that this browser has asked for. All tabs share them, because the link of an email opens in a new one.

import { type Stored, StoredTokens } from "./stored-tokens";

/** The response to a request for a code. */
export interface SentCode extends Stored {
  token: string;
}

export interface AskedCode extends SentCode {
  email: string;
  /** The query of the page that asked, which says where to go afterwards. */
  search: string;
}

export const askedCodes = new StoredTokens<AskedCode>("email-codes");
