// The Markdown of the API description: paragraphs, numbered and plain lists, and code.

import type { ComponentChildren } from "preact";

export function Markdown({ text }: { text: string }) {
  return (
    <>
      {text.split(/\n{2,}/).map((block) => (
        <Block key={block} text={block} />
      ))}
    </>
  );
}

function Block({ text }: { text: string }) {
  const items = text.split(/^(?:\d+\.|[-*]) /m);
  if (items.length < 2) return <p>{inline(text)}</p>;
  const list = items.slice(1).map((item) => <li key={item}>{inline(item)}</li>);
  return (
    <>
      {items[0]?.trim() && <p>{inline(items[0])}</p>}
      {/^\d/m.test(text) ? <ol>{list}</ol> : <ul>{list}</ul>}
    </>
  );
}

function inline(text: string): ComponentChildren[] {
  return text.split(/`([^`]+)`/).map((piece, index) => (index % 2 === 0 ? piece : <code key={piece}>{piece}</code>));
}
