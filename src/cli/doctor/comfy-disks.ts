import { troubleWithDisk } from '../../comfy/index.js';
import type { Config } from '../../config/index.js';
import { bad, odd, ok, type Finding } from './finding.js';

const SUBJECT = 'ComfyUI disk';

/** Whether what we leave in ComfyUI's own folders is removed, and by whom if not by us. */
export const examineComfyDisks = async ({ comfy }: Config): Promise<readonly Finding[]> => {
  const findings = await Promise.all(
    comfy.dirs.map(async (folder) => {
      const trouble = await troubleWithDisk(folder);
      return trouble ? bad(SUBJECT, `${folder}: ${trouble}`) : ok(SUBJECT, `${folder} is swept`);
    }),
  );
  if (comfy.dirs.length >= comfy.urls.length) return findings;
  const rest = comfy.dirs.length === 0 ? 'COMFYUI_DIRS is not set' : 'COMFYUI_DIRS names fewer';
  return [
    ...findings,
    odd(
      SUBJECT,
      `${rest}: people's pictures stay in output/hom of ComfyUI until you remove them, and in temp ` +
        'until ComfyUI starts again',
    ),
  ];
};
