// The packages of bench/package.json are installed only for the benchmarks.
declare module "better-auth/db/migration";
