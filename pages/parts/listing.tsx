// A list that the service returns one page at a time, by offset and limit.

export interface Listing<Item> {
  total: number;
  offset: number;
  limit: number;
  items: Item[];
}

interface PagingProps {
  listing: Listing<unknown>;
  /** The address of the page that begins at an offset. */
  href: (offset: number) => string;
}

export function Paging({ listing: { total, offset, limit, items }, href }: PagingProps) {
  if (total === 0) return <p class="soft">Nothing found.</p>;
  if (items.length === 0) {
    const last = Math.max(0, Math.ceil(total / limit) - 1) * limit;
    return (
      <nav class="paging" aria-label="Pages of the list">
        <span class="soft">This page is empty: the list has only {total} entries.</span>
        {last < offset && <a href={href(last)}>Last page</a>}
      </nav>
    );
  }
  return (
    <nav class="paging" aria-label="Pages of the list">
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
