// Keeps the focus in the page when the element that has it goes away, for example with its row.

/**
 * Remembers where the focus is. The returned function, called after an action, moves the focus to the heading of the section if the
 * focused element is gone. Keyboard users continue there instead of at the top of the page.
 */
export function rememberFocus(): () => void {
  const section = document.activeElement?.closest("section");
  return () => {
    // After the page has been rendered and the browser has returned the focus of a dialog.
    setTimeout(() => {
      const isLost = document.activeElement === null || document.activeElement === document.body;
      const place = section?.isConnected ? section : document;
      // A new field may want it. Browsers would give it the focus later, unless something else has it.
      if (isLost) place.querySelector<HTMLElement>("[autofocus]")?.focus();
      if (isLost && document.activeElement === document.body) place.querySelector<HTMLElement>("h1, h2")?.focus();
    });
  };
}
