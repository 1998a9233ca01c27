import * as z from 'zod';
import {
  fileField,
  idParameter,
  optionalText,
  optionalWebAddress,
  patchText,
  patchWebAddress,
  text,
  unsettable,
} from '../http/fields.ts';
import { instant } from '../http/instants.ts';
import { later, type ValueOf } from '../http/later.ts';

/** What the texts of a sighting are, the same in requests and answers. */
const words = {
  text: { description: 'What was seen', example: 'Orange tabby with a torn ear near the benches' },
  nickname: { description: 'What the reporter calls the cat', example: 'Smokey' },
  location: {
    description: 'Where, as free text. Joined from the address parts where any of them is given',
    example: 'Park Street 5, 10115 Berlin',
  },
  photo_url: { description: 'Web address of a photo', example: 'https://images.example/smokey.jpg' },
  location_street: { description: 'Street, without the house number', example: 'Park Street' },
  location_number: { description: 'House number', example: '5' },
  location_zip: { description: 'Postal code', example: '10115' },
  location_city: { description: 'City', example: 'Berlin' },
  location_country: { description: 'Country', example: 'Germany' },
} as const;

/** One sighting, the 17 keys of contract section 3 in their order. */
export const entry = later(() =>
  z
    .object({
      id: z.int().meta({ description: 'Number of the sighting', example: 7 }),
      text: z.string().meta(words.text),
      createdAt: instant(),
      isFavorite: z.boolean().meta({ description: 'The one favourite mark, shared by all visitors', example: false }),
      nickname: z.string().nullable().meta(words.nickname),
      location: z.string().nullable().meta(words.location),
      cat_id: z.int().nullable().meta({ description: 'The cat this sighting is assigned to', example: null }),
      photo_url: z
        .string()
        .nullable()
        .meta({ ...words.photo_url, example: null }),
      location_normalized: z
        .string()
        .nullable()
        .meta({ description: 'The address as the geocoder names it', example: null }),
      location_lat: z.number().nullable().meta({ description: 'Latitude in degrees (WGS 84)', example: null }),
      location_lon: z.number().nullable().meta({ description: 'Longitude in degrees (WGS 84)', example: null }),
      location_osm_id: z.string().nullable().meta({ description: 'OpenStreetMap id of the place', example: null }),
      location_street: z.string().nullable().meta(words.location_street),
      location_number: z.string().nullable().meta(words.location_number),
      location_zip: z.string().nullable().meta(words.location_zip),
      location_city: z.string().nullable().meta(words.location_city),
      location_country: z
        .string()
        .nullable()
        .meta({ ...words.location_country, example: null }),
    })
    .meta({ id: 'Entry', description: 'A sighting of a cat' }),
);

export type Entry = ValueOf<typeof entry>;

export const entryList = later(() => z.array(entry.schema).meta({ description: 'All sightings, by id descending' }));

const limits = {
  text: { min: 1, max: 5000 },
  nickname: { max: 100 },
  location: { max: 200 },
  photo_url: { max: 1000 },
  location_street: { max: 200 },
  location_number: { max: 20 },
  location_zip: { max: 20 },
  location_city: { max: 100 },
  location_country: { max: 100 },
} as const;

export const entryInput = later(() =>
  z
    .object({
      text: text(limits.text).meta(words.text),
      nickname: optionalText(limits.nickname).meta(words.nickname),
      location: optionalText(limits.location).meta(words.location),
      photo_url: optionalWebAddress(limits.photo_url).meta(words.photo_url),
      location_street: optionalText(limits.location_street).meta(words.location_street),
      location_number: optionalText(limits.location_number).meta(words.location_number),
      location_zip: optionalText(limits.location_zip).meta(words.location_zip),
      location_city: optionalText(limits.location_city).meta(words.location_city),
      location_country: optionalText(limits.location_country).meta(words.location_country),
    })
    .meta({
      id: 'EntryInput',
      description: 'A new sighting. When any address part is given, `location` is made from the parts.',
      example: { text: 'Orange tabby with a torn ear near the benches', nickname: 'Smokey', location_city: 'Berlin' },
    }),
);

export type EntryInput = ValueOf<typeof entryInput>;

/** The fields of the form that takes a photo: those of a new sighting but `photo_url`, which the photo makes. */
export const entryForm = later(() =>
  entryInput.schema
    .omit({ photo_url: true })
    .extend({
      image: fileField().meta({
        description: 'The photo. Not available in this version: leave it out, or the answer is 501',
      }),
    })
    .meta({
      id: 'EntryForm',
      description: 'A new sighting as a form. An empty field counts as left out.',
      example: { text: 'Orange tabby with a torn ear near the benches', nickname: 'Smokey', location_city: 'Berlin' },
    }),
);

const coordinate = () =>
  unsettable(
    'Coordinates cannot be set: they come from normalize-location. Leave them out, or send null to clear them',
  ).meta({
    description: 'Cannot be set in this version; null takes the sighting off the map',
    example: null,
  });

export const entryPatch = later(() =>
  z
    .object({
      text: text(limits.text).optional().meta(words.text),
      nickname: patchText(limits.nickname).meta(words.nickname),
      location: patchText(limits.location).meta(words.location),
      photo_url: patchWebAddress(limits.photo_url).meta(words.photo_url),
      location_street: patchText(limits.location_street).meta(words.location_street),
      location_number: patchText(limits.location_number).meta(words.location_number),
      location_zip: patchText(limits.location_zip).meta(words.location_zip),
      location_city: patchText(limits.location_city).meta(words.location_city),
      location_country: patchText(limits.location_country).meta(words.location_country),
      location_lat: coordinate(),
      location_lon: coordinate(),
    })
    .meta({
      id: 'EntryPatch',
      description: 'Changes to a sighting. What is left out stays as it is; null clears it. `{}` changes nothing.',
      example: { nickname: 'Smokey' },
    }),
);

export type EntryPatch = ValueOf<typeof entryPatch>;

export const entryPath = later(() => z.object({ entry_id: idParameter('Number of the sighting') }));

export const entryCatPath = later(() =>
  z.object({
    entry_id: idParameter('Number of the sighting'),
    cat_id: idParameter('Number of the cat'),
  }),
);
