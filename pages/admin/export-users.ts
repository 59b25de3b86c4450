// Exports a list of users as CSV (RFC 4180).

import type { Listing } from "../design/paging";
import { callSignedIn } from "../parts/api";
import type { ListedUser } from "./users";

/** How many users an export has at most. */
const most = 10_000;
const pageSize = 100;

const columns = [
  "id",
  "email",
  "name",
  "role",
  "tier",
  "is_active",
  "is_verified",
  "second_factor",
  "referrer_id",
  "created_at",
  "last_sign_in_at",
] as const;

/**
 * Where a spreadsheet would start a formula: users choose their names. In many languages it separates cells by semicolons, and then ignores
 * quotes that are not at the beginning of a cell.
 */
const formula = /(?:^|[;,|\t\r\n])\s*(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

interface Export {
  csv: string;
  count: number;
  /** Whether it contains all users of the list. */
  isComplete: boolean;
}

/** Loads the users of a list, page by page. */
export async function exportUsers(parameters: URLSearchParams): Promise<Export> {
  const users = new Map<string, ListedUser>();
  let total = 0;
  for (let offset = 0; offset < most; offset += pageSize) {
    const query = new URLSearchParams(parameters);
    query.set("offset", String(offset));
    query.set("limit", String(pageSize));
    const page = await callSignedIn<Listing<ListedUser>>("GET", `admin/users?${query}`);
    // A user who signs up in the meantime moves the others to the next page.
    for (const user of page.items) users.set(user.id, user);
    total = page.total;
    if (page.items.length < pageSize) break;
  }
  const rows = [...users.values()].map((user) => columns.map((column) => cell(column, user[column])));
  const csv = [columns, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
  return { csv, count: users.size, isComplete: users.size >= total };
}

function cell(column: string, value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = column.endsWith("_at") ? new Date(Number(value)).toISOString() : String(value);
  const harmless = text.replaceAll(formula, "$&'");
  return /[",;\t\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
