import { AppError } from '../errors.ts';
import { maxJsonBytes, readBytes, requireUnencoded, unsupportedType } from './body.ts';

const formTypes = ['multipart/form-data', 'application/x-www-form-urlencoded'];

/**
 * Reads a form, sent in either of the two ways: texts as they are, files as `File`, the last of a repeated name winning. An empty text
 * counts as left out, and so does a file input in which nothing was chosen. Throws 415 for another content type, 400 for what is no
 * form, and what `tooLarge` makes for one that is larger than texts can be.
 */
export async function readForm(request: Request, tooLarge: () => AppError): Promise<Record<string, string | File>> {
  requireUnencoded(request);
  const type = request.headers.get('content-type') ?? '';
  const mediaType = type.split(';')[0]?.trim().toLowerCase() ?? '';
  if (Number(request.headers.get('content-length') ?? 0) > maxJsonBytes) throw tooLarge();
  const bytes = await readBytes(request, maxJsonBytes, tooLarge);
  if (bytes.length === 0) return {};
  if (!formTypes.includes(mediaType)) throw unsupportedType('a form', formTypes, mediaType);
  return fieldsOf(await parse(bytes, type));
}

async function parse(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<FormData> {
  try {
    return await new Response(bytes, { headers: { 'content-type': type } }).formData();
  } catch (cause) {
    throw new AppError(400, 'FORM_INVALID', 'There was an error parsing the body', { cause });
  }
}

function fieldsOf(form: FormData): Record<string, string | File> {
  // Null prototype: a field called `__proto__` is one like any other.
  const fields: Record<string, string | File> = Object.create(null);
  for (const [name, value] of form) {
    // Bun 1.4.5 gives a file without a name no name at all.
    const absent = typeof value === 'string' ? value === '' : !value.name && value.size === 0;
    if (absent) delete fields[name];
    else fields[name] = value;
  }
  return fields;
}
