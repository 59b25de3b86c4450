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
      if (document.activeElement && document.activeElement !== document.body) return;
      const place = section?.isConnected ? section : document;
      // Browsers skip `autofocus` once something else is focused, so a new field that has it comes first.
      const next = place.querySelector<HTMLElement>("[autofocus]") ?? place.querySelector<HTMLElement>("h1, h2");
      next?.focus();
    });
  };
}
