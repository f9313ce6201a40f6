// What a field holds, as one letter; the word is there for screen readers and on hover.

const LETTERS: [RegExp, string, string][] = [
  [/^(long|integer|short|byte|unsigned_long|double|float|half_float|scaled_float)$/, '#', 'type-number'],
  [/^date/, 'D', 'type-date'],
  [/^(text|match_only_text)$/, 'T', 'type-text'],
  [/^(keyword|constant_keyword|wildcard)$/, 'k', ''],
  [/^boolean$/, 'B', ''],
  [/^ip$/, 'ip', ''],
  [/^geo/, 'G', ''],
  [/^conflict$/, '!', ''],
];

export function TypeIcon({ type }: { type: string }) {
  const [, letter, look] = LETTERS.find(([pattern]) => pattern.test(type)) ?? [null, '?', ''];
  return (
    <span className={`type ${look}`} role="img" aria-label={type} title={type}>
      {letter}
    </span>
  );
}
