/** Under ComfyUI's `output`: a folder for each prompt of ours. */
export const OUTPUT_FOLDER = 'hom';

/** So long a picture that was sent to ComfyUI is taken to be there still; then it is sent again. */
export const UPLOAD_TRUST_MS = 2 * 3_600_000;
