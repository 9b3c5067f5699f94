import { ApiProperty } from '@nestjs/swagger';

export class MissingView {
  @ApiProperty({ example: '127.0.0.1-8188' }) instance: string;
  @ApiProperty({ enum: ['node', 'value'] }) kind: 'node' | 'value';
  @ApiProperty({ example: 'LoraLoader.lora_name=ProductBackgrounds.safetensors' }) name: string;
}

export class WorkflowView {
  @ApiProperty({ example: 'product-backgrounds' }) id: string;
  @ApiProperty({ example: 'Product background' }) title: string;
  @ApiProperty() description: string;
  @ApiProperty({ type: Object, description: 'JSON Schema' }) parameters: object;
  @ApiProperty({ example: 5 }) credits: number;
  @ApiProperty({ description: 'Some GPU can run it now' }) ready: boolean;
  @ApiProperty({ type: [MissingView], description: 'What each GPU lacks' }) missing: MissingView[];
}

export class WorkflowList {
  @ApiProperty({ type: [WorkflowView] }) items: WorkflowView[];
}
