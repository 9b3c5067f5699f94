import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Max,
  Min,
} from 'class-validator';
import type { GarmentCategory } from './providers/provider.js';
import { TRIPO_MODEL_VERSIONS } from './providers/tripo/tripo-options.js';

const MAX_SEED = 2_147_483_647;
const CATEGORIES = ['upper_body', 'lower_body', 'dresses'] as const;
const QUALITIES = ['standard', 'detailed'] as const;
const ORIENTATIONS = ['default', 'align_image'] as const;
const FILE_ID = '8c0a8bd2-45d8-4f53-9c7c-2c40b38a2a0f';

/** A 3D model to be made from a saved picture. */
export class ModelOrder {
  @ApiProperty({ format: 'uuid', example: FILE_ID, description: 'A saved picture of one object' })
  @IsUUID()
  imageId: string;

  @ApiPropertyOptional({
    enum: TRIPO_MODEL_VERSIONS,
    example: 'v3.1-20260211',
    description: 'Default: the one that the operator chose',
  })
  @IsOptional()
  @IsIn(TRIPO_MODEL_VERSIONS)
  modelVersion?: string;

  @ApiPropertyOptional({ example: true, description: 'Default true; false: a bare mesh' })
  @IsOptional()
  @IsBoolean()
  texture?: boolean;

  @ApiPropertyOptional({ example: true, description: 'Physically based material; default true' })
  @IsOptional()
  @IsBoolean()
  pbr?: boolean;

  @ApiPropertyOptional({ enum: QUALITIES, example: 'standard' })
  @IsOptional()
  @IsIn(QUALITIES)
  textureQuality?: 'standard' | 'detailed';

  @ApiPropertyOptional({ enum: QUALITIES, description: 'Versions v3.x only' })
  @IsOptional()
  @IsIn(QUALITIES)
  geometryQuality?: 'standard' | 'detailed';

  @ApiPropertyOptional({
    example: 50_000,
    description: 'Most faces; the limit depends on version and options (P1: 48 to 20000)',
  })
  @IsOptional()
  @IsInt()
  @Min(48)
  @Max(2_000_000)
  faceLimit?: number;

  @ApiPropertyOptional({ description: 'Four-sided faces: the result is FBX, not GLB' })
  @IsOptional()
  @IsBoolean()
  quad?: boolean;

  @ApiPropertyOptional({ description: 'Few faces, well placed' })
  @IsOptional()
  @IsBoolean()
  smartLowPoly?: boolean;

  @ApiPropertyOptional({ description: 'Sized in metres as in reality' })
  @IsOptional()
  @IsBoolean()
  autoSize?: boolean;

  @ApiPropertyOptional({ enum: ORIENTATIONS })
  @IsOptional()
  @IsIn(ORIENTATIONS)
  orientation?: 'default' | 'align_image';

  @ApiPropertyOptional({ minimum: 0, maximum: MAX_SEED, example: 7 })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_SEED)
  seed?: number;
}

/** A garment to be put on a person. */
export class TryOnOrder {
  @ApiProperty({ format: 'uuid', example: FILE_ID, description: 'A saved picture of the person' })
  @IsUUID()
  personImageId: string;

  @ApiProperty({ format: 'uuid', example: FILE_ID, description: 'A saved picture of the garment' })
  @IsUUID()
  garmentImageId: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description:
      "White where the garment goes, black elsewhere; of the person picture's size. Some providers need it for `lower_body` and `dresses`: see `maskNeededFor` of `GET /v1/tools`",
  })
  @IsOptional()
  @IsUUID()
  maskImageId?: string;

  @ApiProperty({ example: 'short sleeve round neck t-shirt', minLength: 1, maxLength: 200 })
  @IsString()
  @Length(1, 200)
  description: string;

  @ApiPropertyOptional({ enum: CATEGORIES, default: 'upper_body', example: 'upper_body' })
  @IsOptional()
  @IsIn(CATEGORIES)
  category?: GarmentCategory;

  @ApiPropertyOptional({ minimum: 20, maximum: 40, default: 30 })
  @IsOptional()
  @IsInt()
  @Min(20)
  @Max(40)
  steps?: number;

  @ApiPropertyOptional({ minimum: 0, maximum: MAX_SEED, description: 'Default: drawn by chance' })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_SEED)
  seed?: number;
}

export class ToolView {
  @ApiProperty({ example: 'models-3d' }) id: string;
  @ApiProperty({ example: '3D model' }) title: string;
  @ApiProperty() description: string;
  @ApiProperty({ example: 30 }) credits: number;
  @ApiProperty({ description: 'It is set up here' }) ready: boolean;
  @ApiProperty({ type: String, nullable: true, example: 'tripo' }) provider: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Why it is not ready' })
  reason: string | null;
  @ApiProperty({ description: 'What its licence allows' }) licence: string;
  @ApiProperty({
    type: [String],
    example: ['lower_body', 'dresses'],
    description: 'Categories of garments for which the order must bring a mask here',
  })
  maskNeededFor: string[];
}

export class ToolList {
  @ApiProperty({ type: [ToolView] }) items: ToolView[];
}
