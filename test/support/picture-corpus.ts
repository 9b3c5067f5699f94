import { readFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** One upload and what must become of it. */
export interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
  /** `width×height type` of what is kept, or `status code` of the refusal. */
  readonly outcome: string;
}

const CUP = 'samples/product-coffee-cup.png';
const HEIC = 'test/fixtures/pictures';
const UNSUPPORTED = '415 files.unsupported_type';
const UNREADABLE = '422 files.unreadable';
const TOO_LARGE = '413 files.too_large';

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};
const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const END = chunk('IEND', Buffer.alloc(0));
const header = (width: number, height: number, depth = 8, colour = 0): Buffer => {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([depth, colour, 0, 0, 0], 8);
  return chunk('IHDR', data);
};
/** A PNG of one grey value whose header may claim more than its data holds. */
const png = (width: number, height: number, data: Buffer, ...extra: Buffer[]): Buffer =>
  Buffer.concat([SIGNATURE, header(width, height), ...extra, chunk('IDAT', data), END]);
const black = (width: number, height: number): Buffer =>
  deflateSync(Buffer.alloc((width + 1) * height));

/** A GIF with `count` frames of one pixel. */
const gif = (count: number): Buffer => {
  const start = Buffer.from('4749463839610100010080000000000000ffffff', 'hex');
  const frame = Buffer.from('21f904000a000000002c00000000010001000002024401003b', 'hex').subarray(
    0,
    -1,
  );
  return Buffer.concat([start, ...Array.from({ length: count }, () => frame), Buffer.from(';')]);
};

const cup = (): Sharp => sharp(CUP);
const png600 = '600×400 image/png';
const jpeg600 = '600×400 image/jpeg';

const accepted = async (): Promise<Sample[]> => {
  const frames = [await cup().toBuffer(), await cup().flip().toBuffer()];
  const rotated = async (orientation: number): Promise<Sample> => ({
    name: `EXIF rotation ${orientation}`,
    bytes: await cup().withMetadata({ orientation }).jpeg().toBuffer(),
    outcome: orientation >= 5 ? '400×600 image/jpeg' : jpeg600,
  });
  const animated = sharp(frames, { join: { animated: true } });
  const made: [string, Buffer | Promise<Buffer>, string][] = [
    ['PNG', readFile(CUP), png600],
    ['PNG, interlaced', cup().png({ progressive: true }).toBuffer(), png600],
    ['PNG, palette', cup().png({ palette: true }).toBuffer(), png600],
    ['PNG, palette of 2 colours', cup().png({ palette: true, colours: 2 }).toBuffer(), png600],
    ['PNG, 16 bit', cup().toColourspace('rgb16').png().toBuffer(), png600],
    ['PNG, grey', cup().toColourspace('b-w').png().toBuffer(), png600],
    ['PNG, 16 bit grey', cup().toColourspace('grey16').png().toBuffer(), png600],
    ['PNG, transparent', cup().ensureAlpha(0.5).png().toBuffer(), png600],
    ['PNG with a P3 profile', cup().withIccProfile('p3').png().toBuffer(), png600],
    ['PNG, one pixel', png(1, 1, black(1, 1)), '1×1 image/png'],
    ['PNG, 65,500 × 1', png(65_500, 1, black(65_500, 1)), '65500×1 image/png'],
    ['PNG, 1 × 65,500', png(1, 65_500, black(1, 65_500)), '1×65500 image/png'],
    [
      'PNG with 1 MB of text',
      png(
        9,
        9,
        black(9, 9),
        chunk('tEXt', Buffer.concat([Buffer.from('a\0'), Buffer.alloc(1e6, 'x')])),
      ),
      '9×9 image/png',
    ],
    [
      'PNG with a broken profile',
      png(
        9,
        9,
        black(9, 9),
        chunk('iCCP', Buffer.concat([Buffer.from('p\0\0'), deflateSync(Buffer.alloc(5_000, 7))])),
      ),
      '9×9 image/png',
    ],
    [
      'PNG with a profile that unpacks to 100 MB',
      png(
        9,
        9,
        black(9, 9),
        chunk('iCCP', Buffer.concat([Buffer.from('p\0\0'), deflateSync(Buffer.alloc(100e6))])),
      ),
      '9×9 image/png',
    ],
    [
      'PNG with a zip behind it',
      Buffer.concat([await readFile(CUP), Buffer.from('PK\x03\x04secret-trailer')]),
      png600,
    ],
    [
      'PNG with HTML in a comment',
      png(9, 9, black(9, 9), chunk('tEXt', Buffer.from('c\0<script>alert(1)</script>'))),
      '9×9 image/png',
    ],
    ['JPEG', cup().jpeg().toBuffer(), jpeg600],
    ['JPEG, progressive', cup().jpeg({ progressive: true }).toBuffer(), jpeg600],
    ['JPEG, grey', cup().toColourspace('b-w').jpeg().toBuffer(), jpeg600],
    ['JPEG, CMYK', cup().toColourspace('cmyk').jpeg().toBuffer(), jpeg600],
    [
      'JPEG with a CMYK profile',
      cup().toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer(),
      jpeg600,
    ],
    ['JPEG with a P3 profile', cup().withIccProfile('p3').jpeg().toBuffer(), jpeg600],
    [
      'JPEG with GPS',
      cup()
        .withExif({ IFD0: { Artist: 'secret-artist' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
        .jpeg()
        .toBuffer(),
      jpeg600,
    ],
    [
      'JPEG with XMP',
      cup().withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">secret-xmp</x:xmpmeta>').jpeg().toBuffer(),
      jpeg600,
    ],
    [
      'JPEG with a page behind it',
      Buffer.concat([await cup().jpeg().toBuffer(), Buffer.from('<html>secret-trailer</html>')]),
      jpeg600,
    ],
    [
      'JPEG that is also a script',
      Buffer.concat([
        (await cup().jpeg().toBuffer()).subarray(0, 2),
        Buffer.from('fffe0020', 'hex'),
        Buffer.from('*/=alert("secret-polyglot")/*AA'),
        (await cup().jpeg().toBuffer()).subarray(2),
      ]),
      jpeg600,
    ],
    ['WebP', cup().webp().toBuffer(), jpeg600],
    ['WebP, lossless', cup().webp({ lossless: true }).toBuffer(), png600],
    ['WebP, transparent', cup().ensureAlpha(0.5).webp().toBuffer(), png600],
    ['WebP, animated', animated.clone().webp().toBuffer(), jpeg600],
    ['WebP, animated and lossless', animated.clone().webp({ lossless: true }).toBuffer(), png600],
    ['AVIF', cup().avif({ effort: 0 }).toBuffer(), jpeg600],
    [
      'AVIF, 10 bit',
      cup()
        .avif({ effort: 0, bitdepth: 10 } as object)
        .toBuffer()
        .catch(() => cup().avif({ effort: 0 }).toBuffer()),
      jpeg600,
    ],
    ['TIFF', cup().tiff({ compression: 'none' }).toBuffer(), png600],
    ['TIFF, LZW', cup().tiff({ compression: 'lzw' }).toBuffer(), png600],
    [
      'TIFF, 16 bit',
      cup().toColourspace('rgb16').tiff({ compression: 'deflate' }).toBuffer(),
      png600,
    ],
    ['TIFF, CMYK', cup().toColourspace('cmyk').tiff().toBuffer(), png600],
    [
      'TIFF, black and white',
      cup().toColourspace('b-w').threshold().tiff({ bitdepth: 1 }).toBuffer(),
      png600,
    ],
    ['TIFF, tiled', cup().tiff({ tile: true }).toBuffer(), png600],
    ['HEIC', readFile(`${HEIC}/cup.heic`), jpeg600],
    ['HEIC in P3', readFile(`${HEIC}/p3.heic`), '200×133 image/jpeg'],
  ];
  const rotations = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(rotated));
  const rest = await Promise.all(
    made.map(async ([name, bytes, outcome]) => ({ name, bytes: await bytes, outcome })),
  );
  return [...rest, ...rotations];
};

const refused = async (): Promise<Sample[]> => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>';
  const [jpeg, webp, avif, tiff, heic] = await Promise.all([
    cup().jpeg().toBuffer(),
    cup().webp().toBuffer(),
    cup().avif({ effort: 0 }).toBuffer(),
    cup().tiff().toBuffer(),
    readFile(`${HEIC}/cup.heic`),
  ]);
  const source = await readFile(CUP);
  const half = (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2));
  const damaged = Buffer.from(source);
  damaged.fill(0xaa, 30_000, 60_000);
  const made: [string, Buffer, string][] = [
    ['nothing', Buffer.alloc(0), UNSUPPORTED],
    ['text', Buffer.from('hello'), UNSUPPORTED],
    ['zeros', Buffer.alloc(100_000), UNSUPPORTED],
    ['SVG', Buffer.from(svg), UNSUPPORTED],
    [
      'SVG with a declaration',
      Buffer.from(
        `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>${svg}`,
      ),
      UNSUPPORTED,
    ],
    ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>'), UNSUPPORTED],
    [
      'PDF',
      Buffer.from('%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>'),
      UNSUPPORTED,
    ],
    ['PDF that ends as a JPEG', Buffer.concat([Buffer.from('%PDF-1.4\n'), jpeg]), UNSUPPORTED],
    ['zip', Buffer.from('504b0506000000000000000000000000000000000000', 'hex'), UNSUPPORTED],
    ['GIF', gif(1), UNSUPPORTED],
    ['GIF of 10,000 frames', gif(10_000), UNSUPPORTED],
    ['GIF that is also a script', Buffer.from('GIF89a/*\0\0*/=1;alert(1)'), UNSUPPORTED],
    ['BMP', Buffer.concat([Buffer.from('BM'), Buffer.alloc(60)]), UNSUPPORTED],
    ['Photoshop', Buffer.concat([Buffer.from('8BPS\0\x01'), Buffer.alloc(60)]), UNSUPPORTED],
    ['MP4', Buffer.from('000000186674797069736f6d0000020069736f6d6d703432', 'hex'), UNSUPPORTED],
    ['only the magic of a PNG', SIGNATURE, UNSUPPORTED],
    [
      'only the magic of a JPEG',
      Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'),
      UNREADABLE,
    ],
    ['half a PNG', half(source), UNREADABLE],
    ['half a JPEG', half(jpeg), UNREADABLE],
    ['half a WebP', half(webp), UNREADABLE],
    ['half an AVIF', half(avif), UNREADABLE],
    ['half a TIFF', half(tiff), UNSUPPORTED],
    ['half a HEIC', half(heic), UNREADABLE],
    ['PNG with damaged pixels', damaged, UNREADABLE],
    ['PNG without pixels', Buffer.concat([SIGNATURE, header(9, 9), END]), UNREADABLE],
    ['PNG of 0 × 0', png(0, 0, Buffer.alloc(0)), UNREADABLE],
    ['PNG of an impossible depth', Buffer.concat([SIGNATURE, header(9, 9, 7, 9), END]), UNREADABLE],
    ['PNG that claims 20,000 × 20,000', png(20_000, 20_000, black(10, 10)), TOO_LARGE],
    [
      'PNG that claims 2³¹−1 pixels a side',
      png(2 ** 31 - 1, 2 ** 31 - 1, black(10, 10)),
      UNREADABLE,
    ],
    [
      'bomb: 31 kB that become a gigabyte',
      png(32_000, 32_000, black(5_600, 5_600).subarray(0, 31_000)),
      TOO_LARGE,
    ],
    ['PNG of 51 megapixels', png(10_200, 5_000, black(10_200, 5_000)), TOO_LARGE],
    ['HEIC of 35 megapixels', await readFile(`${HEIC}/huge.heic`), TOO_LARGE],
  ];
  return made.map(([name, bytes, outcome]) => ({ name, bytes, outcome }));
};

/** Odd and hostile uploads, made on the spot. Texts beginning with `secret-` must not be kept. */
export const pictureCorpus = async (): Promise<Sample[]> => [
  ...(await accepted()),
  ...(await refused()),
];
