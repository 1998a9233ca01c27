import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate authority and a server certificate that it has signed, in PEM. */
export interface Certificates {
  authority: string;
  certificate: string;
  key: string;
}

/** Makes both, valid for an hour or until an hour ago, for a server known by these names and IPv4 addresses. X.509 v3 in DER (RFC 5280), by hand. */
export function makeCertificates(names: readonly string[], { expired = false } = {}): Certificates {
  const authorityKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serverKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = names.map((name) =>
    isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name, 'ascii')),
  );
  const issuer = 'CatAtlas test authority';
  const [authority, certificate] = [
    issue({
      expired: false,
      serial: 1,
      subject: issuer,
      issuer,
      publicKey: authorityKeys.publicKey,
      signer: authorityKeys.privateKey,
      // basicConstraints, critical: this is an authority.
      extension: sequence(
        oid('2.5.29.19'),
        der(0x01, Buffer.from([0xff])),
        der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
      ),
    }),
    issue({
      expired,
      serial: 2,
      subject: 'CatAtlas test server',
      issuer,
      publicKey: serverKeys.publicKey,
      signer: authorityKeys.privateKey,
      // subjectAltName
      extension: sequence(oid('2.5.29.17'), der(0x04, sequence(...alternatives))),
    }),
  ];
  return { authority, certificate, key: serverKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

interface Issue {
  expired: boolean;
  serial: number;
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  signer: KeyObject;
  extension: Buffer;
}

const ecdsaWithSha256 = () => sequence(oid('1.2.840.10045.4.3.2'));

function issue({ expired, serial, subject, issuer, publicKey, signer, extension }: Issue): string {
  const now = Date.now();
  const end = expired ? now - 3_600_000 : now + 3_600_000;
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([serial])),
    ecdsaWithSha256(),
    commonName(issuer),
    sequence(moment(end - 3_660_000), moment(end)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  );
  const signature = sign('sha256', content, signer);
  const whole = sequence(content, ecdsaWithSha256(), der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name, 'utf8')))));
}

/** UTCTime: YYMMDDhhmmssZ. */
function moment(epochMilliseconds: number): Buffer {
  const digits = new Date(epochMilliseconds).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`, 'ascii'));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** Tag, length, value. */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
