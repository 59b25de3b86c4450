// The functions of worker.rs that wasm-bindgen exports to worker.js.
declare module "worker" {
  export function fetch(
    request: Request,
    env: object,
    context: ExecutionContext,
    resolve: (response: Response) => void,
  ): boolean;
  export function scheduled(event: ScheduledController, env: object, context: ExecutionContext): Promise<void>;
}
