// The words that made-up sightings are put together from. Cities with their middle, and how many metres a degree of longitude has
// there; streets that such cities have, with postal codes of those cities.

export interface City {
  name: string;
  country: string;
  language: 'de' | 'en';
  lat: number;
  lon: number;
  metersPerLon: number;
  zips: readonly string[];
  streets: readonly string[];
}

export const cities: readonly City[] = [
  {
    name: 'Berlin',
    country: 'Deutschland',
    language: 'de',
    lat: 52.5042,
    lon: 13.4225,
    metersPerLon: 67_770,
    zips: ['10115', '10247', '10439', '10967', '10999', '12043', '12053', '13347', '13353'],
    streets: [
      'Sonnenallee',
      'Weserstraße',
      'Karl-Marx-Straße',
      'Oranienstraße',
      'Kastanienallee',
      'Müllerstraße',
      'Boxhagener Straße',
      'Gräfestraße',
      'Hobrechtstraße',
      'Paul-Lincke-Ufer',
      'Tempelhofer Damm',
      'Am Friedrichshain',
    ],
  },
  {
    name: 'Hamburg',
    country: 'Deutschland',
    language: 'de',
    lat: 53.5586,
    lon: 9.9647,
    metersPerLon: 66_140,
    zips: ['20357', '20359', '22765', '22767', '22769'],
    streets: ['Schulterblatt', 'Marktstraße', 'Bahrenfelder Straße', 'Große Bergstraße', 'Hafenstraße', 'Osterstraße'],
  },
  {
    name: 'Wien',
    country: 'Österreich',
    language: 'de',
    lat: 48.1986,
    lon: 16.3695,
    metersPerLon: 74_210,
    zips: ['1020', '1050', '1070', '1160', '1200'],
    streets: [
      'Neubaugasse',
      'Ottakringer Straße',
      'Margaretenstraße',
      'Taborstraße',
      'Lerchenfelder Gürtel',
      'Am Tabor',
    ],
  },
  {
    name: 'Brooklyn',
    country: 'United States',
    language: 'en',
    lat: 40.6501,
    lon: -73.9496,
    metersPerLon: 84_470,
    zips: ['11203', '11210', '11225', '11226', '11238'],
    streets: [
      'Fenimore Street',
      'Flatbush Avenue',
      'Rogers Avenue',
      'Parkside Avenue',
      'Nostrand Avenue',
      'Ocean Avenue',
    ],
  },
  {
    name: 'Bristol',
    country: 'United Kingdom',
    language: 'en',
    lat: 51.4655,
    lon: -2.5879,
    metersPerLon: 69_350,
    zips: ['BS2 9HS', 'BS5 6QR', 'BS6 5AP', 'BS7 8BE'],
    streets: ['Stokes Croft', 'Gloucester Road', 'Picton Street', 'Mina Road', 'Cheltenham Road', 'Ashley Hill'],
  },
];

/** The same look in both languages. */
export const coats = [
  { en: 'orange tabby', de: 'rot getigert' },
  { en: 'grey tabby', de: 'grau getigert' },
  { en: 'black', de: 'schwarz' },
  { en: 'black and white tuxedo', de: 'schwarz-weiß im Smoking' },
  { en: 'white', de: 'weiß' },
  { en: 'calico', de: 'dreifarbig' },
  { en: 'tortoiseshell', de: 'Schildpatt' },
  { en: 'cream', de: 'cremefarben' },
  { en: 'brown mackerel tabby', de: 'braun gestromt' },
  { en: 'smoke grey', de: 'rauchgrau' },
  { en: 'seal point', de: 'mit dunkler Maske' },
] as const;

export const marks = [
  { en: 'left ear tipped', de: 'linkes Ohr gekappt' },
  { en: 'right ear tipped', de: 'rechtes Ohr gekappt' },
  { en: 'both ears whole', de: 'beide Ohren ganz' },
  { en: 'torn ear', de: 'eingerissenes Ohr' },
  { en: 'short tail', de: 'kurzer Schwanz' },
  { en: 'white socks', de: 'weiße Pfoten' },
  { en: 'white blaze on the chest', de: 'weißer Fleck auf der Brust' },
  { en: 'one cloudy eye', de: 'ein trübes Auge' },
  { en: 'kinked tail', de: 'Knick im Schwanz' },
  { en: 'very fluffy', de: 'sehr plüschig' },
  { en: 'red collar', de: 'rotes Halsband' },
  { en: 'no collar', de: 'kein Halsband' },
] as const;

export const places = [
  { en: 'under a parked car', de: 'unter einem geparkten Auto' },
  { en: 'near the bins', de: 'bei den Mülltonnen' },
  { en: 'on the wall by the playground', de: 'auf der Mauer am Spielplatz' },
  { en: 'at the feeding spot behind the bakery', de: 'am Futterplatz hinter der Bäckerei' },
  { en: 'in the courtyard', de: 'im Innenhof' },
  { en: 'on the steps of the church', de: 'auf den Stufen der Kirche' },
  { en: 'by the canal', de: 'am Kanal' },
  { en: 'in the community garden', de: 'im Gemeinschaftsgarten' },
  { en: 'on a warm car bonnet', de: 'auf einer warmen Motorhaube' },
  { en: 'near the park benches', de: 'bei den Parkbänken' },
] as const;

/** What the cat did; by how it meets people. */
export const behaviours = {
  friendly: [
    { en: 'Came right up and wanted to be petted, so nice!', de: 'Kam gleich her und wollte gestreichelt werden.' },
    { en: 'Purred and rolled over, happy to see people.', de: 'Schnurrte und rollte sich auf den Rücken.' },
    { en: 'Followed me to the corner, good mood.', de: 'Lief mir bis zur Ecke hinterher, gute Laune.' },
    { en: 'Ate from the bowl while I stood next to it, great progress.', de: 'Fraß, während ich daneben stand.' },
  ],
  shy: [
    { en: 'Watched from a distance and left when I moved.', de: 'Hielt Abstand und lief weg, als ich mich bewegte.' },
    { en: 'Slow blinks but no touching.', de: 'Blinzelte langsam, anfassen ging nicht.' },
    { en: 'Hid as soon as a dog passed.', de: 'Versteckte sich, sobald ein Hund vorbeikam.' },
    { en: 'Only came out after dark.', de: 'Kam erst im Dunkeln heraus.' },
  ],
  wary: [
    { en: 'Hissing when I came closer, bad mood.', de: 'Fauchte, als ich näher kam, schlechte Laune.' },
    { en: 'Ears flat, growled at another cat.', de: 'Ohren angelegt, knurrte eine andere Katze an.' },
    { en: 'Hard to get a photo, always on the move.', de: 'Schwer zu fotografieren, immer in Bewegung.' },
    { en: 'Swatted at the carrier.', de: 'Schlug nach der Transportbox.' },
  ],
} as const;

export const conditions = [
  { en: 'Limping a bit on the left front paw.', de: 'Humpelt etwas vorne links.' },
  { en: 'Looks thin, please keep an eye on it.', de: 'Sieht mager aus, bitte im Auge behalten.' },
  { en: 'Coat looks healthy.', de: 'Fell sieht gesund aus.' },
  { en: 'Sneezing and runny eyes.', de: 'Niest und hat tränende Augen.' },
  { en: 'Probably pregnant, should be trapped soon (TNR).', de: 'Vermutlich trächtig, sollte bald kastriert werden.' },
  { en: 'Fresh wound on the shoulder.', de: 'Frische Wunde an der Schulter.' },
  { en: 'Well fed.', de: 'Gut genährt.' },
  { en: 'With two kittens 🐾', de: 'Mit zwei Jungen 🐾' },
] as const;

export const extras = [
  { en: 'Seen here most evenings.', de: 'Fast jeden Abend hier zu sehen.' },
  { en: 'First time I see this one.', de: 'Zum ersten Mal gesehen.' },
  { en: 'The neighbours feed it, they say.', de: 'Die Nachbarn füttern, sagen sie.' },
  { en: 'Does anybody know whose cat this is?', de: 'Weiß jemand, wem die Katze gehört?' },
  { en: 'It was raining, so only a short look.', de: 'Es regnete, daher nur kurz gesehen.' },
  { en: 'Same spot as last week.', de: 'Gleiche Stelle wie letzte Woche.' },
] as const;

export const nicknames = [
  'Smokey',
  'Mieze',
  'Tiger',
  'Luna',
  'Herr Schmidt',
  'Browny',
  'Astro',
  'Minka',
  'Socks',
  'Carlo',
  'Pünktchen',
  'Ginger',
  'Moritz',
  'Pepper',
  'Frau Holle',
  'Mogli',
  'Biscuit',
  'Schnurri',
  'Felix',
  'Waffles',
  'Kater Karl',
  'Nala',
  'Bean',
  'Momo',
] as const;

export const authors = [
  'Anna',
  'Jonas',
  'Mehmet',
  'Priya',
  'Sofia',
  'Tom',
  'Ülkü',
  'Zoë',
  'Katrin',
  'Luis',
  'Yvette',
] as const;

export const comments = [
  { en: 'I saw this cat yesterday too, same corner.', de: 'Gestern auch gesehen, gleiche Ecke.' },
  { en: 'Neutered last spring by our TNR group.', de: 'Wurde letztes Frühjahr von uns kastriert.' },
  { en: 'Please do not feed milk.', de: 'Bitte keine Milch füttern.' },
  { en: 'Has a home, number 14, she just likes to walk.', de: 'Hat ein Zuhause, Nummer 14, sie streunt nur gern.' },
  { en: 'Thank you for looking after her ❤️', de: 'Danke fürs Kümmern ❤️' },
  { en: 'The vet says it is nothing serious.', de: 'Der Tierarzt sagt, es ist nichts Ernstes.' },
] as const;
