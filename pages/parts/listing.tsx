// Navigation for lists that the service returns in pages, by offset and limit.

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
  if (total === 0) return <p class="soft">No results.</p>;
  if (items.length === 0) {
    const last = Math.max(0, Math.ceil(total / limit) - 1) * limit;
    return (
      <nav class="paging" aria-label="Pagination">
        <span class="soft">This page is past the end of the list ({total} entries).</span>
        {last < offset && <a href={href(last)}>Last page</a>}
      </nav>
    );
  }
  return (
    <nav class="paging" aria-label="Pagination">
      {offset > 0 && (
        <a href={href(Math.max(0, offset - limit))} rel="prev">
          Previous
        </a>
      )}
      <span class="soft">
        {offset + 1} to {offset + items.length} of {total}
      </span>
      {offset + items.length < total && (
        <a href={href(offset + limit)} rel="next">
          Next
        </a>
      )}
    </nav>
  );
}
