import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class MissingView {
  @ApiProperty({ example: '127.0.0.1-8188' }) instance: string;
  @ApiProperty({ enum: ['node', 'value'] }) kind: 'node' | 'value';
  @ApiProperty({ example: 'LoraLoader.lora_name=ProductBackgrounds.safetensors' }) name: string;
  @ApiPropertyOptional({
    description: 'What to install, where it is known',
    example: 'Put ProductBackgrounds.safetensors into models/loras (custom-trained, not public).',
  })
  hint?: string;
  @ApiPropertyOptional({ example: 'ltdrdata/ComfyUI-Impact-Pack' }) repository?: string;
  @ApiPropertyOptional({ example: 'models/loras' }) folder?: string;
  @ApiPropertyOptional({ example: 'Civitai: model 324815, version 364137' }) origin?: string;
}

export class WorkflowInputView {
  @ApiProperty({ example: 'imageId' }) field: string;
  @ApiProperty({ example: true }) required: boolean;
  @ApiProperty({ example: 'A saved file of yours' }) description: string;
}

export class WorkflowOutputView {
  @ApiProperty({ example: 'image' }) name: string;
  @ApiProperty({ enum: ['file', 'text'] }) type: 'file' | 'text';
}

export class WorkflowView {
  @ApiProperty({ example: 'product-backgrounds' }) id: string;
  @ApiProperty({ example: 'Product background' }) title: string;
  @ApiProperty({ example: 'Puts a product in front of a new background.' }) description: string;
  @ApiProperty({ type: [WorkflowInputView], description: 'The pictures it takes' })
  inputs: WorkflowInputView[];
  @ApiProperty({ type: Object, description: 'JSON Schema' }) parameters: object;
  @ApiProperty({ type: [WorkflowOutputView] }) outputs: WorkflowOutputView[];
  @ApiProperty({ example: 5 }) credits: number;
  @ApiProperty({ description: 'Some GPU can run it now' }) ready: boolean;
  @ApiProperty({ type: [MissingView], description: 'What each GPU lacks' }) missing: MissingView[];
}

export class WorkflowList {
  @ApiProperty({ type: [WorkflowView] }) items: WorkflowView[];
}

export class BackgroundView {
  @ApiProperty({ example: 'cafes-and-bars' }) id: string;
  @ApiProperty({ example: 'Cafés and bars' }) title: string;
  @ApiProperty({ type: [String], example: ['apparel-shoots', 'product-backgrounds'] })
  workflows: string[];
}

export class BackgroundList {
  @ApiProperty({ type: [BackgroundView] }) items: BackgroundView[];
}
