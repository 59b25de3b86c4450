declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  export default function SwaggerUI(options: {
    domNode: Element;
    url: string;
    validatorUrl: null;
    deepLinking: boolean;
  }): void;
}
