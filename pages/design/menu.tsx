// A button that opens a list of links and actions (the disclosure pattern of the ARIA Authoring Practices Guide).

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface MenuProps {
  /** What is on the button. */
  label: ComponentChildren;
  /** The name of the button for screen readers. */
  name: string;
  /** The class of the button. */
  look?: string;
  /** The items: `li` elements with a link or a button. */
  children: ComponentChildren;
}

export function Menu({ label, name, look = "small", children }: MenuProps) {
  const id = useId();
  const container = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (!isOpen) return;
    // An item closes the menu, also one that stays on the page.
    const close = ({ type, target }: Event) => {
      const isInside = container.current?.contains(target as Node);
      if (!isInside || (type === "click" && !(target as Element).closest("[aria-expanded]"))) setOpen(false);
    };
    const closeOnEscape = ({ key }: KeyboardEvent) => {
      if (key !== "Escape") return;
      setOpen(false);
      container.current?.querySelector("button")?.focus();
    };
    addEventListener("click", close);
    addEventListener("focusin", close);
    addEventListener("keydown", closeOnEscape);
    return () => {
      removeEventListener("click", close);
      removeEventListener("focusin", close);
      removeEventListener("keydown", closeOnEscape);
    };
  }, [isOpen]);
  return (
    <div class="menu" ref={container}>
      <button
        type="button"
        class={look}
        aria-expanded={isOpen}
        aria-controls={id}
        aria-label={name}
        onClick={() => setOpen(!isOpen)}
      >
        {label}
      </button>
      {isOpen && <ul id={id}>{children}</ul>}
    </div>
  );
}
