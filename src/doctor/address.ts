import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { attempt, type Check, type checkOf, describeError, type Finding, isPrivateHost } from './check.ts';

/** What the name service says of a host. */
export interface Addresses {
  ipv4: string[];
  ipv6: string[];
  /** The name that it stands for, by a CNAME record. */
  alias: string | undefined;
}

/** Asks the name service, as anybody on the internet would: not the hosts file of this machine. */
export function openResolver(): Resolver {
  return new Resolver({ timeout: 2000, tries: 2 });
}

/** The addresses of a host; undefined for one that is an address itself, or is known on this network only. */
export async function readAddresses(host: string, resolver: Resolver): Promise<Finding<Addresses> | undefined> {
  if (isAddress(host) || isPrivateHost(host)) return undefined;
  return await attempt(async () => {
    const [ipv4, ipv6, aliases] = await Promise.all([
      orNone(resolver.resolve4(host)),
      orNone(resolver.resolve6(host)),
      orNone(resolver.resolveCname(host)),
    ]);
    // Deno writes the dot of the root behind it.
    return { ipv4, ipv6, alias: aliases[0]?.replace(/\.$/, '') };
  });
}

/** A name without such a record, or that does not exist, has none. Deno 2.9.6 says so of a service that fails, too. */
async function orNone(records: Promise<string[]>): Promise<string[]> {
  try {
    return await records;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

/** Judges whether the world finds a host. `addresses`: as read by {@link readAddresses}. */
export function checkAddresses(
  { pass, warn, fail, unknown }: ReturnType<typeof checkOf>,
  host: string,
  addresses: Finding<Addresses> | undefined,
): Check {
  if (addresses === undefined)
    return isAddress(host) ? pass('not used: this is an address') : unknown(`${host} is a name of this network`);
  if ('error' in addresses)
    return unknown(
      `the name service could not be asked: ${describeError(addresses.error)}`,
      'Ask from a machine that can.',
    );
  const { ipv4, ipv6, alias } = addresses.value;
  const found = `${host}${alias === undefined ? '' : `, which is ${alias}`}: ${[...ipv4, ...ipv6].join(', ')}`;
  if (ipv4.length + ipv6.length === 0)
    return fail(
      `${host} has no address${alias === undefined ? '' : `, nor has ${alias}, which it stands for`}`,
      'Set the records at the registrar (Fly.io: fly certs setup says which), and wait as long as the old ones are valid.',
    );
  return ipv4.length === 0
    ? warn(found, 'Who has no IPv6 does not find it: set an A record (Fly.io: fly ips list), too.')
    : pass(found);
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0;
}
