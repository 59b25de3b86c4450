// Navigation for lists that the service returns in pages, by offset and limit.

import { t } from "../languages";

export interface Listing<Item> {
  total: number;
  offset: number;
  limit: number;
  items: Item[];
}

interface PagingProps {
  listing: Listing<unknown>;
  /** Returns the link to the page that starts at an offset. */
  href: (offset: number) => string;
}

export function Paging({ listing: { total, offset, limit, items }, href }: PagingProps) {
  if (total === 0) return <p class="soft">{t("paging.none")}</p>;
  if (items.length === 0) {
    const last = Math.max(0, Math.ceil(total / limit) - 1) * limit;
    return (
      <nav class="paging" aria-label={t("paging")}>
        <span class="soft">{t("paging.past_end", { count: total })}</span>
        {last < offset && <a href={href(last)}>{t("paging.last")}</a>}
      </nav>
    );
  }
  return (
    <nav class="paging" aria-label={t("paging")}>
      {offset > 0 && (
        <a href={href(Math.max(0, offset - limit))} rel="prev">
          {t("paging.previous")}
        </a>
      )}
      <span class="soft">{t("paging.range", { first: offset + 1, last: offset + items.length, total })}</span>
      {offset + items.length < total && (
        <a href={href(offset + limit)} rel="next">
          {t("paging.next")}
        </a>
      )}
    </nav>
  );
}
