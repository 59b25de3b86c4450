// Links to the views of one user, and the user's API path. Ids are escaped: an imported id may contain any character.

const view = (name: string, parameters: Record<string, string>) => `#${name}?${new URLSearchParams(parameters)}`;

export const userView = (id: string) => view("user", { id });
export const treeView = (root: string) => view("tree", { root });
export const eventsView = (search: Record<string, string>) => view("events", search);
export const invitedView = (referrer: string) => view("users", { referrer });

/** `admin/users/{id}` */
export const userPath = (id: string) => `admin/users/${encodeURIComponent(id)}`;
