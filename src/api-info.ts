import { usualAddress } from './http/swagger-paths.ts';

/** The words that open the API document, for `buildDocument`. */
export function apiInfo(version: string): { title: string; version: string; summary: string; description: string } {
  return {
    title: 'CatAtlas API',
    version,
    summary: 'Sightings of street cats, turned into individual cats.',
    description,
  };
}

/** The chapters of the API document, in reading order. */
export const apiTags = [
  {
    name: 'Entries',
    description:
      'An **entry** is one sighting: what somebody saw, when it was reported, and where. Entries are what people add; everything else is made from them.',
  },
  {
    name: 'Analysis',
    description:
      'A short summary, tags and the mood of a single entry, computed from its text and kept until the text changes.',
  },
  {
    name: 'Matching',
    description:
      'Which sightings may show the same cat: by the words of their texts, and by how near they are to each other.',
  },
  {
    name: 'Map',
    description:
      'Sightings in an area, and groups of them that may be one cat. Distances are in metres, coordinates in degrees (WGS 84).',
  },
  {
    name: 'Cats',
    description:
      'A **cat** is an individual: sightings that people agreed to be of the same animal. Its profile and its sightings, page by page, are here.',
  },
  {
    name: 'Insights',
    description:
      'What the sightings of a cat say when read together: its temperament, warning signs, and what to do next.',
  },
  { name: 'Comments', description: 'What people say about a cat, newest first.' },
  { name: 'Images', description: 'Photos of sightings.' },
  {
    name: 'System',
    description: 'Whether the server lives, whether it is ready for requests, and which version it is.',
  },
] as const;

const description = `People see street cats, and write down where and what they saw. CatAtlas keeps these **sightings**, finds out which of them show
the **same cat**, and shows on a map where the cats live: so that neighbours, vets and rescue groups can look after them together.

## Try it now

Every operation below has a **Test Request** button that calls this very server. Or from a terminal:

\`\`\`sh
curl ${usualAddress}/entries \\
  --json '{"text": "Ginger tom on the bakery steps"}'
\`\`\`

## From sighting to cat

1. **Report**: \`POST /entries\` stores a sighting.
2. **Place**: \`POST /entries/{entry_id}/normalize-location\` finds its address on the map.
3. **Compare**: \`GET /entries/{entry_id}/matches\` and \`/nearby\` list sightings that may show the same cat.
4. **Link**: \`POST /cats/from-sightings\` makes a cat out of them; \`POST /cats/{cat_id}/link-sightings\` adds to it.
5. **Read**: \`GET /cats/{cat_id}/profile/enhanced\` and \`POST /cats/{cat_id}/insights\` say what is known about it.

## Rules for every operation

- Bodies are JSON in UTF-8. Unknown fields are ignored; in an answer, a field without a value is \`null\`, never left out.
- Times are UTC, ISO 8601 with microseconds. Lengths are counted in Unicode code points.
- Paths have no prefix and no trailing slash. Every \`GET\` also answers \`HEAD\`; a wrong method is 405 with an \`Allow\` header.
- Every answer has an \`x-request-id\` header. Send your own and it is used.

## Who may do what

There are no accounts yet, and no operation asks for credentials. Everybody may read, add, assign, mark favourites, rename cats and delete comments.
Changing and deleting sightings, deleting cats and taking sightings away from them are refused in production (403 \`EDITS_CLOSED\`) unless the
operator has set \`ALLOW_ANONYMOUS_EDITS=True\`.

## Errors

Every error has a \`code\` that never changes, a \`message\` for people, and says with \`retryable\` whether trying again helps.
All codes are explained at [/docs/errors](docs/errors). With \`Accept: application/problem+json\` errors are
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details.
`;
