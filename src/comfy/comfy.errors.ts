import { defineErrors } from '../platform/index.js';

export const comfyError = defineErrors({
  'comfy.workflow_not_found': { status: 404, title: 'No such workflow' },
  'comfy.workflow_unavailable': { status: 503, title: 'No GPU can run this workflow' },
  'comfy.image_required': { status: 400, title: 'A picture is needed' },
});
