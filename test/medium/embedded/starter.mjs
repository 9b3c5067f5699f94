/** A process that starts the embedded services as `main` does, for tests that kill it. */
import { embeddedSecrets, lockDataDir, startEmbedded } from '../../../dist/embedded/index.js';

const say = (line) => console.log(JSON.stringify(line));
const options = JSON.parse(process.argv[2]);
try {
  await lockDataDir(options.dataDir);
  const secrets = await embeddedSecrets(options.dataDir);
  const embedded = await startEmbedded(options);
  embedded.onCrash((service, detail) => say({ crash: service, detail, pids: embedded.pids() }));
  process.once('SIGINT', () => void embedded.stop().then(() => process.exit(0)));
  say({ environment: embedded.environment, pids: embedded.pids(), secrets });
} catch (error) {
  say({ refused: error.name, message: error.message });
  process.exit(1);
}
