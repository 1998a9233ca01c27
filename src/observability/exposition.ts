/** A family of samples, in the text that Prometheus reads (exposition format 0.0.4). */
export interface Metric {
  readonly name: string;
  /** The lines of it, with HELP and TYPE. Without samples only those two. */
  render(): string;
}

type Labels = Readonly<Record<string, string>>;

interface Description {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
}

/** A number that only grows, one for each combination of labels that has occurred. */
export interface Counter extends Metric {
  /** `labels` in the order in which they were named. */
  add(labels: readonly string[], by?: number): void;
}

export function counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
  const values = new Map<string, number>();
  // From the start, so that the first event is an increase and not a series that begins at 1.
  if (labelNames.length === 0) values.set('', 0);
  return {
    name,
    add(labels, by = 1) {
      const key = joinLabels(labels);
      values.set(key, (values.get(key) ?? 0) + by);
    },
    render: () =>
      describe({ name, help, type: 'counter' }) +
      lines([...values].map(([key, value]) => sample(name, labelText(labelNames, key), value))),
  };
}

/** What a gauge shows: a number, several with labels, or undefined for what is not known. */
export type Reading = number | undefined | readonly (readonly [Labels, number])[];

/** A number that is read when somebody asks. `type` may be counter for one that the system counts. */
export function gauge(name: string, help: string, read: () => Reading, type: 'gauge' | 'counter' = 'gauge'): Metric {
  return {
    name,
    render() {
      const reading = read();
      const samples = typeof reading === 'number' ? [[{}, reading] as const] : (reading ?? []);
      const texts = samples.map(([labels, value]) =>
        sample(name, labelText(Object.keys(labels), joinLabels(Object.values(labels))), value),
      );
      return describe({ name, help, type }) + lines(texts);
    },
  };
}

/** How values are spread: how many were at most each of the bounds. */
export interface Histogram extends Metric {
  observe(labels: readonly string[], value: number): void;
}

/** `bounds` ascending, without infinity. */
export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  labelNames: readonly string[] = [],
): Histogram {
  const series = new Map<string, { counts: number[]; sum: number }>();
  const create = (key: string) => {
    const one = { counts: bounds.concat(Number.POSITIVE_INFINITY).map(() => 0), sum: 0 };
    series.set(key, one);
    return one;
  };
  if (labelNames.length === 0) create('');
  return {
    name,
    observe(labels, value) {
      const key = joinLabels(labels);
      const one = series.get(key) ?? create(key);
      let index = 0;
      while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
      one.counts[index] = (one.counts[index] ?? 0) + 1;
      one.sum += value;
    },
    render() {
      const texts = [...series].flatMap(([key, { counts, sum }]) => {
        const labels = labelText(labelNames, key);
        let total = 0;
        const buckets = counts.map((count, index) => {
          total += count;
          const bound = `le="${formatNumber(bounds[index] ?? Number.POSITIVE_INFINITY)}"`;
          return sample(`${name}_bucket`, labels === '' ? bound : `${labels},${bound}`, total);
        });
        return [...buckets, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, total)];
      });
      return describe({ name, help, type: 'histogram' }) + lines(texts);
    },
  };
}

/** A character that no method, route or status contains. */
const separator = '\u0000';

function joinLabels(labels: readonly string[]): string {
  return labels.length === 1 ? (labels[0] ?? '') : labels.join(separator);
}

function labelText(names: readonly string[], key: string): string {
  const values = key.split(separator);
  return names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',');
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${formatNumber(value)}`;
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function describe({ name, help, type }: Description): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
