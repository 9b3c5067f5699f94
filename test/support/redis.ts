import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../src/embedded/ports.js';

/** Whether this machine has a `redis-server`; specs that need one are skipped without it. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate for localhost that vouches for itself, in the given folder; undefined without `openssl`. */
export const makeCertificate = (folder: string): Certificate | undefined => {
  const files = { certFile: path.join(folder, 'cert.pem'), keyFile: path.join(folder, 'key.pem') };
  const subject = '-subj /CN=localhost -addext subjectAltName=DNS:localhost -days 1';
  const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ${subject}`;
  const { status } = spawnSync('openssl', [
    ...request.split(' '),
    '-keyout',
    files.keyFile,
    '-out',
    files.certFile,
  ]);
  return status === 0 ? files : undefined;
};

/** A Redis of the caller's own that keeps nothing on disk: when it ends, all in it is gone. */
export class TestRedis {
  private constructor(
    readonly port: number,
    private child: ChildProcess,
    private readonly certificate: Certificate | undefined,
  ) {}

  /** Needs `redis-server` on the machine. With a certificate it speaks TLS only. */
  static async start(certificate?: Certificate): Promise<TestRedis> {
    const port = await freePort();
    return new TestRedis(port, await launch(port, certificate), certificate);
  }

  get url(): string {
    return `${this.certificate ? 'rediss://localhost' : 'redis://127.0.0.1'}:${this.port}`;
  }

  async kill(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** Empty, at the same address. */
  async startAgain(): Promise<void> {
    this.child = await launch(this.port, this.certificate);
  }

  async flush(): Promise<void> {
    const socket = connect(this.port, '127.0.0.1');
    socket.write('FLUSHALL\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    if (!answer.toString().startsWith('+OK')) throw new Error(`FLUSHALL: ${answer.toString()}`);
  }
}

const ARGUMENTS = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];

const portArguments = (port: number, certificate: Certificate | undefined): string[] => {
  if (!certificate) return ['--port', String(port)];
  const { certFile, keyFile } = certificate;
  const files = [
    '--tls-cert-file',
    certFile,
    '--tls-key-file',
    keyFile,
    '--tls-ca-cert-file',
    certFile,
  ];
  return ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', ...files];
};

const launch = async (
  port: number,
  certificate: Certificate | undefined,
): Promise<ChildProcess> => {
  const policy = ['--maxmemory-policy', 'noeviction'];
  const child = spawn(
    'redis-server',
    [...portArguments(port, certificate), ...ARGUMENTS, ...policy],
    { stdio: 'ignore' },
  );
  const failed = once(child, 'error').then(([error]) => {
    throw error as Error;
  });
  failed.catch(() => undefined);
  while (!(await Promise.race([isListening(port), failed]))) await pause(20);
  return child;
};

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
