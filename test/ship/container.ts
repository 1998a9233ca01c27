import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../harness/target.ts';
import { execForm, parseDockerfile, runStage, type Stage, textOf, textsOf } from './dockerfile.ts';

/** The image of the Dockerfile, made without a container engine: its root directory and what it says about itself. */
export interface Image {
  directory: string;
  entrypoint: string[];
  command: string[];
  healthcheck: string[];
  /** uid:gid. */
  user: string;
  /** The libraries that the program names, without the loader. */
  libraries: string[];
  remove(): void;
}

export interface Container {
  process: ChildProcess;
  /** The pid, seen from outside, of what is process 1 inside. */
  pid(): number;
  /** Everything it has written. */
  output(): string;
  exited: Promise<number | null>;
}

/** Without containers, namespaces or root there is nothing to prove it with. */
export const needsRoot = process.platform !== 'linux' || process.getuid?.() !== 0;

/** Where a Dockerfile leaves a file for the image, and where in the image it belongs. The program is the first. */
const copied = /^--from=build (\S+) (\S+)$/;

function filesOf(final: Stage): [{ from: string; to: string }, ...{ from: string; to: string }[]] {
  const files = textsOf(final, 'COPY').map((text) => {
    const [, from, to] = copied.exec(text) ?? [];
    if (from === undefined || to === undefined) throw new Error(`not understood: COPY ${text}`);
    return { from, to };
  });
  const [program, ...others] = files;
  if (program === undefined) throw new Error('the last stage copies no program');
  return [program, ...others];
}

/** Runs the first stage of the Dockerfile for an architecture, as Docker names it, and returns the program that it makes in the folder. */
export function buildProgram(architecture: string, commit: string, folder: string): string {
  const [build, final] = parseDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
  if (!build || !final) throw new Error('the Dockerfile has not two stages');
  runStage(build, root, folder, { TARGETARCH: architecture, BUILD_COMMIT: commit });
  return join(folder, filesOf(final)[0].from);
}

/**
 * Builds the image: runs the first stage of the Dockerfile, then lays out a root directory with what the base image has (a C
 * library, certificates, time zones, an account; taken from this machine) and what the last stage copies into it.
 */
export function buildImage(commit: string): Image {
  const home = mkdtempSync(join(tmpdir(), 'catatlas-image-'));
  const program = buildProgram(process.arch === 'arm64' ? 'arm64' : 'amd64', commit, home);
  const final = parseDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))[1];
  if (!final) throw new Error('the Dockerfile has not two stages');

  const directory = join(home, 'root');
  const [{ to }, ...others] = filesOf(final);
  for (const empty of ['proc', 'dev', 'tmp', 'home/nonroot', 'etc', dirname(to)])
    mkdirSync(join(directory, empty), { recursive: true });
  cpSync(program, join(directory, to));
  for (const file of others) cpSync(join(home, file.from), join(directory, file.to));
  const needed = execFileSync('ldd', [join(directory, to)], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  for (const file of ['/etc/ssl/certs/ca-certificates.crt', '/usr/share/zoneinfo', '/etc/hosts', '/etc/resolv.conf'])
    cpSync(file, join(directory, file), { recursive: true, dereference: true });
  for (const library of needed) cpSync(library, join(directory, library), { dereference: true });
  writeFileSync(join(directory, 'etc/passwd'), 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n');
  writeFileSync(join(directory, 'etc/group'), 'nonroot:x:65532:\n');
  writeFileSync(join(directory, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  chmodSync(join(directory, 'tmp'), 0o1777);
  // Whoever runs this may have a strict umask.
  execFileSync('chmod', ['-R', 'a+rX', home]);
  return {
    directory,
    entrypoint: execForm(final, 'ENTRYPOINT'),
    command: execForm(final, 'CMD'),
    healthcheck: execForm(final, 'HEALTHCHECK'),
    user: textOf(final, 'USER'),
    libraries: needed
      .map((path) => path.slice(path.lastIndexOf('/') + 1))
      .filter((name) => !name.startsWith('ld-linux')),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

// Arguments: the root directory, the account, then the command. /dev has what a container engine puts there.
const enter = `set -e
root=$1; account=$2; shift 2
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o size=64k,mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -o remount,ro,bind "$root"
exec setpriv --no-new-privs chroot --userspec="$account" --groups="\${account#*:}" "$root" "$@"`;

/**
 * Runs a command in the image: as its user and as process 1, on a root that cannot be written, with no privilege to gain and the
 * environment given. The network is this machine's.
 */
export function runContainer(image: Image, command: readonly string[], env: Record<string, string>): Container {
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '/bin/sh',
      '-c',
      enter,
      'enter',
      image.directory,
      image.user,
      ...command,
    ],
    // PATH is for this script; the program inside finds nothing by it.
    { cwd: '/', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return {
    process: child,
    pid: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()),
    output: () => output,
    exited: once(child, 'close').then(([code]) => code as number | null),
  };
}
