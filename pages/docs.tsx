// The API reference: Swagger UI for the Worker's OpenAPI description, with its own stylesheet.

import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";

const main = document.createElement("main");
document.body.append(main);

// No validator: it would send the address of this service to a third party.
SwaggerUI({ domNode: main, url: "/api/auth/openapi.json", validatorUrl: null, deepLinking: true });
