import { AddressField, NewPasswordField, PasswordField } from '../auth-fields.js';

export class ChangePasswordRequest {
  @PasswordField()
  currentPassword: string;

  @NewPasswordField()
  newPassword: string;
}

export class ChangeAddressRequest {
  @AddressField('ada@new.example')
  email: string;

  @PasswordField()
  password: string;
}
