// Where Postern is, for the servers of this app.

export const posternOptions = { url: process.env.POSTERN_URL ?? "http://localhost:8787" };
